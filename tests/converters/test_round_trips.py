"""What goes out comes back the same, through every pair of formats that can carry it."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synapse_sdk.utils.converters import Format, WriterOptions, YoloTask, validate_dataset
from synapse_sdk.utils.converters.shapes import rle
from tests.converters.factory import HEIGHT, WIDTH, YOLO, annotations, item, read, schema, write

Route = tuple[Format, WriterOptions | None]
PLAIN: list[Route] = [(Format.COCO, None), (Format.CSV, None), (Format.JSONL, None)]
VOC: Route = (Format.VOC, None)
few = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])

numbers = st.floats(0, 1, allow_nan=False)


@st.composite
def boxes(draw) -> dict[str, Any]:
    width, height = 2 + draw(numbers) * (WIDTH - 2), 2 + draw(numbers) * (HEIGHT - 2)
    x, y = draw(numbers) * (WIDTH - width), draw(numbers) * (HEIGHT - height)
    return {"type": "bbox", "category": draw(st.sampled_from(["cat", "dog"])), "bbox": [x, y, width, height]}


@st.composite
def polygons(draw) -> dict[str, Any]:
    count = draw(st.integers(3, 9))
    points = [draw(numbers) * (WIDTH, HEIGHT)[i % 2] for i in range(2 * count)]
    # An anchor triangle keeps the area away from zero.
    return {"type": "polygon", "category": "dog", "segmentation": [[0, 0, WIDTH, 0, 0, HEIGHT, *points]]}


@st.composite
def turned_boxes(draw) -> dict[str, Any]:
    width, height = 4 + draw(numbers) * 12, 4 + draw(numbers) * 12
    box = [20 + draw(numbers) * 8, 16 + draw(numbers) * 4, width, height]
    return {"type": "rotated_bbox", "category": "cat", "bbox": box, "rotation": draw(st.floats(0.5, 359.5))}


@st.composite
def poses(draw) -> dict[str, Any]:
    points: list[float] = []
    for _ in range(2):
        v = draw(st.sampled_from([0, 1, 2]))
        points += [draw(numbers) * WIDTH, draw(numbers) * HEIGHT, v] if v else [0, 0, 0]
    points[2] = 2
    return draw(boxes()) | {"type": "keypoints", "category": "cat", "keypoints": points}


@st.composite
def masks(draw) -> dict[str, Any]:
    cuts = sorted(draw(st.sets(st.integers(1, WIDTH * HEIGHT - 1), min_size=1, max_size=12)))
    runs = [b - a for a, b in itertools.pairwise([0, *cuts, WIDTH * HEIGHT])]
    counts = draw(st.sampled_from([runs, rle.compress(runs)]))
    return {"type": "mask", "category": "cat", "segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}


@st.composite
def flagged(draw) -> dict[str, Any]:
    flags = {name: True for name in ("truncated", "difficult", "occluded") if draw(st.booleans())}
    attributes = flags | ({"pose": "Frontal"} if draw(st.booleans()) else {})
    return draw(boxes()) | ({"attributes": attributes} if attributes else {})


@st.composite
def annotated(draw) -> dict[str, Any]:
    attributes = draw(st.dictionaries(st.text(min_size=1), st.none() | st.booleans() | st.integers(-9, 9) | st.text()))
    more = {"attributes": attributes} if attributes else {}
    return draw(boxes()) | more | {"score": draw(numbers)}


def same(first: Any, second: Any) -> bool:
    """Equal, where numbers may differ by a hundredth."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, int | float) and isinstance(second, int | float) and not isinstance(first, bool):
        return abs(first - second) <= 0.01
    return first == second


def bare(annotation: dict[str, Any]) -> dict[str, Any]:
    """Without what a format adds: a number of its own, and a box around what has another shape."""
    derived = {"id"} | ({"bbox"} if annotation["type"] in ("polygon", "mask") else set())
    return {key: value for key, value in annotation.items() if key not in derived}


def travel(found: list[dict[str, Any]], *routes: Route) -> list[dict[str, Any]]:
    """Write, check and read through each format in turn."""
    classes = schema("cat", "dog", keypoints=["nose", "tail"])
    with tempfile.TemporaryDirectory() as folder:
        for number, (fmt, options) in enumerate(routes):
            target = Path(folder) / str(number)
            report = write(target, fmt, [item(1, *found), item(2)], classes=classes, options=options)
            assert not list(report.skipped)
            validation = validate_dataset(fmt, target, written=report)
            assert validation.ok, validation.errors
            sources, bad = read(fmt, target)
            assert not bad
            assert len(sources) == 2
            found = annotations(sources)
    return found


def unique(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Formats with one row per place cannot carry twins."""
    kept: list[dict[str, Any]] = []
    for candidate in found:
        if not any(same(bare(candidate), bare(other)) for other in kept):
            kept.append(candidate)
    return kept


CASES = [
    ("boxes", boxes(), [*PLAIN, VOC, (Format.YOLO, YOLO[YoloTask.DETECT])]),
    ("polygons", polygons(), [*PLAIN, (Format.YOLO, YOLO[YoloTask.SEGMENT])]),
    ("turned boxes", turned_boxes(), [*PLAIN[1:], (Format.YOLO, YOLO[YoloTask.OBB])]),
    ("poses", poses(), [*PLAIN, (Format.YOLO, YOLO[YoloTask.POSE])]),
    ("masks", masks(), PLAIN),
    ("flags", flagged(), [*PLAIN, VOC]),
    ("attributes", annotated(), PLAIN),
]
PAIRS = [
    pytest.param(strategy, first, second, id=f"{name}: {first[0]} to {second[0]}")
    for name, strategy, routes in CASES
    for first, second in itertools.product(routes, repeat=2)
]


@pytest.mark.parametrize(("strategy", "first", "second"), PAIRS)
def test_annotations_come_back_the_same(strategy: Any, first: Route, second: Route):
    @few
    @given(st.lists(strategy, max_size=4))
    def check(found: list[dict[str, Any]]) -> None:
        found = unique(found)
        back = travel(found, first, second)
        assert same([bare(a) for a in found], [bare(a) for a in back])

    check()
