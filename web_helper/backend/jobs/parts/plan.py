"""How the rows of a bundle are spread over parts: pure, and by nothing but the rows' ids.

All ids are halved, and each half again, until no stretch holds more rows than a part may have. So a row that comes or
goes touches the part it lies in and no other, and equal rows are always cut at the same places, whether a bundle was
written in one go or taken up again in between. Parts cut by counting rows would all shift with one new row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from synapse_sdk.wire.bundle import BUNDLE_STEMS, ExportTarget

# Ids are signed 64-bit numbers above zero.
ID_BITS = 63


@dataclass(frozen=True)
class PartRange:
    """The rows whose ids lie from `first_id` to `last_id`, both included."""

    first_id: int
    last_id: int
    rows: int


def stretch_bits(max_rows: int) -> int:
    """The largest power of two of ids that can never hold more than `max_rows` rows."""
    return max_rows.bit_length() - 1


def plan_ranges(counts: Sequence[tuple[int, int]], max_rows: int) -> list[PartRange]:
    """The parts of a bundle.

    Args:
        counts: Rows by stretch of `2 ** stretch_bits(max_rows)` ids, ascending; empty stretches may be left out.
        max_rows: Most rows of a part.

    Returns:
        Ranges that hold rows, ascending; for no rows at all, one empty range.
    """
    bits = stretch_bits(max_rows)
    numbers = [number for number, _ in counts]
    before = [0, *accumulate(rows for _, rows in counts)]

    def split(start: int, stop: int, first: int, level: int) -> Iterator[PartRange]:
        rows = before[stop] - before[start]
        if rows <= max_rows:
            if rows:
                yield PartRange(first << bits, ((first + (1 << level)) << bits) - 1, rows)
            return
        half = first + (1 << (level - 1))
        middle = bisect_left(numbers, half, start, stop)
        yield from split(start, middle, first, level - 1)
        yield from split(middle, stop, half, level - 1)

    top = ID_BITS - bits
    return list(split(0, len(counts), 0, top)) or [PartRange(0, (1 << ID_BITS) - 1, 0)]


def name_part(target: ExportTarget, index: int, count: int) -> str:
    """File name of a part; it tells whether there is one or many."""
    stem = BUNDLE_STEMS[target]
    return f"{stem}.jsonl" if count == 1 else f"{stem}-{index:05d}.jsonl"
