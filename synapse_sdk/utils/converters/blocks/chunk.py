"""What became of a block of items, in a form that crosses to another process and is put in order there."""

from __future__ import annotations

import msgspec


class NeedsOrderError(Exception):
    """What a block becomes depends on the items before it: only the process that sees all of them can convert it."""


class Lane(msgspec.Struct, array_like=True, gc=False):
    """What a block adds to the growing file of one split.

    Attributes:
        first: Bytes for the file, or for its first part.
        later: Bytes for its second part, where it has two.
        count: Records in `later` whose number is still missing; `later` is then a template for `%`, which puts numbers
            in ten times faster than another encoding.
        numbers: Their numbers within the block from 1, when they are not 1 to `count`.
    """

    split: str | None
    first: bytes = b""
    later: bytes = b""
    count: int = 0
    numbers: list[int] = []

    @property
    def alike(self) -> bytes:
        """`later` with one number everywhere, in two thirds of the time: for whom the numbers do not matter."""
        return self.later % ((1,) * self.count) if self.count else self.later

    def numbered(self, last: int) -> bytes:
        """`later` whose numbers go on after `last`."""
        if not self.count:
            return self.later
        numbers = [last + n for n in self.numbers] if self.numbers else range(last + 1, last + 1 + self.count)
        return self.later % tuple(numbers)


class Chunk(msgspec.Struct, array_like=True, gc=False):
    """A converted block.

    Attributes:
        counts: What the writer's report gains, by field.
        files: Whole files that the block's process could not write itself.
        written: Number and size of the whole files of the block.
        losses: Counts by reason, and lines of the loss report.
        is_proven: What the block became follows the format's rules, checked on its bytes.
        classes: Names of the classes that the check met.
        needs_order: Nothing was converted: the block has to be converted in order.
        error: What went wrong in the block's process; empty when nothing did.
        error_number: The `errno` of what went wrong, where it has one.
    """

    lanes: list[Lane] = []
    counts: dict[str, int] = {}
    splits: dict[str, int] = {}
    per_class: dict[str, int] = {}
    conversions: dict[str, int] = {}
    files: list[tuple[str, bytes]] = []
    written: tuple[int, int] = (0, 0)
    losses: tuple[dict[str, int], bytes] = ({}, b"")
    is_proven: bool = False
    classes: list[str] = []
    needs_order: bool = False
    error: str = ""
    error_number: int = 0
