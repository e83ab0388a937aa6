"""Plane geometry on plain lists: boxes `[x, y, w, h]`, polygons `[x1, y1, x2, y2, …]`, pixels, y down."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import mul

Box = list[float]
Polygon = list[float]

# A difference that no reader can see: rounding of decimal text, not a shape that leaves its image.
EPSILON = 0.01


def polygon_area(polygon: Sequence[float]) -> float:
    """Area by the shoelace formula; parts that overlap themselves count by their winding."""
    xs, ys = polygon[0::2], polygon[1::2]
    doubled: float = sum(map(mul, xs, [*ys[1:], ys[0]])) - sum(map(mul, ys, [*xs[1:], xs[0]]))
    return abs(doubled) / 2


def outline_area(parts: Sequence[Sequence[float]], width: float, height: float) -> float:
    """The area of polygons that lie inside the image, their numbers 0 or more; 0 when one does not, or is none."""
    area = 0.0
    for part in parts:
        xs, ys = part[0::2], part[1::2]
        if len(xs) != len(ys) or max(xs) > width or max(ys) > height:
            return 0
        area += abs(sum(map(mul, xs, [*ys[1:], ys[0]])) - sum(map(mul, ys, [*xs[1:], xs[0]]))) / 2
    return area


def points_box(points: Sequence[float]) -> Box:
    """The upright box around flat points."""
    xs, ys = points[0::2], points[1::2]
    left, top = min(xs), min(ys)
    return [left, top, max(xs) - left, max(ys) - top]


def parts_box(parts: Iterable[Sequence[float]]) -> Box:
    """The upright box around all parts of one object."""
    boxes = [points_box(part) for part in parts]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return [left, top, right - left, bottom - top]


def box_polygon(box: Sequence[float]) -> Polygon:
    """The four corners of a box, clockwise from the upper left."""
    x, y, w, h = box
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def rotated_corners(box: Sequence[float], degrees: float) -> Polygon:
    """The corners of a box turned clockwise about its centre; the first is where the upper left one went."""
    x, y, w, h = box
    cx, cy = x + w / 2, y + h / 2
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners: Polygon = []
    for dx, dy in ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)):
        corners += (cx + dx * cos - dy * sin, cy + dx * sin + dy * cos)
    return corners


def corners_rotated(corners: Sequence[float], tolerance: float = EPSILON) -> tuple[Box, float] | None:
    """Undo `rotated_corners`: the upright box and the angle in [0, 360), or None when the corners are no rectangle.

    Corners in counter-clockwise order are taken the other way round.
    """
    x1, y1, x2, y2, x3, y3, x4, y4 = corners
    if abs(x1 + x3 - x2 - x4) > tolerance or abs(y1 + y3 - y2 - y4) > tolerance:
        return None
    if abs(math.hypot(x3 - x1, y3 - y1) - math.hypot(x4 - x2, y4 - y2)) > tolerance:
        return None
    if (x2 - x1) * (y4 - y1) - (y2 - y1) * (x4 - x1) < 0:
        x2, y2, x4, y4 = x4, y4, x2, y2
    w, h = math.hypot(x2 - x1, y2 - y1), math.hypot(x4 - x1, y4 - y1)
    cx, cy = (x1 + x2 + x3 + x4) / 4, (y1 + y2 + y3 + y4) / 4
    return [cx - w / 2, cy - h / 2, w, h], math.degrees(math.atan2(y2 - y1, x2 - x1)) % 360


def clip_box(box: Sequence[float], width: float, height: float) -> Box:
    """The part of a box inside the image; its width or height is zero when nothing is."""
    x, y, w, h = box
    left, top = min(max(x, 0.0), width), min(max(y, 0.0), height)
    right, bottom = min(max(x + w, 0.0), width), min(max(y + h, 0.0), height)
    return [left, top, right - left, bottom - top]


def clamp_points(points: Sequence[float], width: float, height: float) -> Polygon:
    """Points moved onto the image's edge where they lie beyond it."""
    limits = (width, height)
    return [min(max(value, 0.0), limits[i % 2]) for i, value in enumerate(points)]


def overhang(box: Sequence[float], width: float, height: float) -> float:
    """How many pixels a box reaches beyond its image, at most on any side; 0 when it is inside."""
    x, y, w, h = box
    return max(0.0, -x, -y, x + w - width, y + h - height)


def join_parts(parts: Sequence[Sequence[float]]) -> Polygon:
    """One outline through several parts, over bridges of no width, so that the filled area stays the same."""
    first = list(parts[0])
    joined = [*first, *first[:2]]
    for part in parts[1:]:
        joined += [*part, *part[:2], *first[:2]]
    return joined


def smallest_rectangle(points: Sequence[float]) -> Polygon:
    """Corners of the rectangle of least area around flat points: one side lies on an edge of their hull."""
    hull = _convex_hull(list(zip(points[0::2], points[1::2], strict=True)))
    best: tuple[float, float, Box] | None = None
    for i, (x1, y1) in enumerate(hull):
        x2, y2 = hull[(i + 1) % len(hull)]
        angle = math.atan2(y2 - y1, x2 - x1)
        cos, sin = math.cos(angle), math.sin(angle)
        turned = [value for x, y in hull for value in (x * cos + y * sin, y * cos - x * sin)]
        box = points_box(turned)
        if best is None or box[2] * box[3] < best[0]:
            best = (box[2] * box[3], angle, box)
    assert best is not None
    _, angle, box = best
    cos, sin = math.cos(angle), math.sin(angle)
    flat = box_polygon(box)
    return [v for x, y in zip(flat[0::2], flat[1::2], strict=True) for v in (x * cos - y * sin, x * sin + y * cos)]


def _convex_hull(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Andrew's monotone chain."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    halves = []
    for sweep in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for point in sweep:
            while len(chain) > 1 and _cross(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        halves.append(chain[:-1])
    return halves[0] + halves[1]


def _cross(o: tuple[float, float], a: tuple[float, float], b: tuple[float, float]) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


def are_finite(values: Sequence[float]) -> bool:
    """Whether no value is NaN or infinite; a sum shows it without a loop in Python."""
    return math.isfinite(sum(values))


def text_of(values: Sequence[float]) -> str:
    """Numbers for a message."""
    return "[" + ", ".join(f"{value:g}" for value in values) + "]"
