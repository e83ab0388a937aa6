"""A run's metrics as curves: however many rows there are, few points are sent, and no peak is lost.

Rows are read once, in blocks. Neighbouring points become one bucket, which keeps the lowest and the highest of them;
when there are too many buckets, each two become one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.wire.experiments import Curve, CurvePoint, MetricCurves
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.comparing import POSITIONS, TIMES
from web_helper.backend.services.experiments.streams import read_metrics

# More lines than that nobody tells apart, and a row's names are the component's own.
MAX_CURVES = 100
# Sums and scales of a drawing stay finite.
LARGEST = 1e300
NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def read_curves(call: Call, uid: str, points: int) -> MetricCurves:
    """The curves of a run so far, each with about so many points."""
    found: dict[str, _Line] = {}
    row_count = 0
    for row in _rows(call, uid):
        row_count += 1
        step = row.get("step", row.get("epoch"))
        position = float(step) if _is_number(step) else float(row_count)
        for name, value in row.items():
            if name in POSITIONS or name in TIMES or not _is_measure(value):
                continue
            if name in found or len(found) < MAX_CURVES:
                found.setdefault(name, _Line(points)).add(position, float(value))
    return MetricCurves(curves=[line.show(name) for name, line in found.items()], row_count=row_count)


def _rows(call: Call, uid: str) -> Iterator[Mapping[str, Any]]:
    offset = 0
    while True:
        block = read_metrics(call, uid, offset)
        yield from block.rows
        if block.next_offset == offset:
            return
        offset = block.next_offset


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST


def _is_measure(value: Any) -> bool:
    if isinstance(value, str):
        return value in NOT_FINITE
    # 1e999 is read as infinity; a whole number beyond all floats is no measure.
    return _is_number(value) or value in (math.inf, -math.inf)


@dataclass
class _Bucket:
    """Neighbouring points; what of them is drawn."""

    low: tuple[float, float]
    high: tuple[float, float]

    def points(self) -> list[tuple[float, float]]:
        return sorted({self.low, self.high})

    def joined(self, other: _Bucket) -> _Bucket:
        return _Bucket(
            min(self.low, other.low, key=lambda point: point[1]), max(self.high, other.high, key=lambda point: point[1])
        )


@dataclass
class _Line:
    """One metric while its rows come by."""

    limit: int
    width: int = 1
    count: int = 0
    buckets: list[_Bucket] = field(default_factory=list)
    last: tuple[float, float] | None = None
    not_finite: int = 0
    first_not_finite: float | None = None

    def add(self, position: float, value: float) -> None:
        """The next point. What is not a number has no place in the drawing, and is told beside it."""
        if not math.isfinite(value):
            self.not_finite += 1
            self.first_not_finite = position if self.first_not_finite is None else self.first_not_finite
            return
        self.last = (position, value)
        single = _Bucket(self.last, self.last)
        if self.count % self.width == 0:
            self.buckets.append(single)
        else:
            self.buckets[-1] = self.buckets[-1].joined(single)
        self.count += 1
        # A bucket of several points is drawn as two.
        if self.count % self.width == 0 and len(self.buckets) * min(self.width, 2) > self.limit:
            self._halve()

    def show(self, name: str) -> Curve:
        """The curve, with its last point: that is where it stands."""
        points = [point for bucket in self.buckets for point in bucket.points()]
        if self.last is not None and self.last not in points[-2:]:
            points.append(self.last)
        return Curve(
            name=name,
            points=[CurvePoint(x, y) for x, y in points],
            point_count=self.count,
            last=None if self.last is None else self.last[1],
            not_finite=self.not_finite,
            first_not_finite=self.first_not_finite,
        )

    def _halve(self) -> None:
        pairs = zip(self.buckets[::2], self.buckets[1::2], strict=False)
        odd = self.buckets[-1:] if len(self.buckets) % 2 else []
        self.buckets = [first.joined(second) for first, second in pairs] + odd
        self.width *= 2
