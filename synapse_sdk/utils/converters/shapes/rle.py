"""Run-length masks as in COCO: runs of 0 and 1 in turn, column by column, beginning with 0.

The compressed form is a string of six-bit groups, each run from the fourth on as a difference to the run two before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse_sdk.utils.converters.shapes.geometry import Box

_OFFSET = 48


def decompress(counts: str) -> list[int]:
    """Read the compressed string form.

    Raises:
        ValueError: The string ends within a number, or holds a character that the form does not know.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts:
        group = ord(character) - _OFFSET
        if not 0 <= group < 64:
            raise ValueError(f"the character {character!r} does not belong into compressed run lengths")
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths end within a number")
    return runs


def compress(runs: Sequence[int]) -> str:
    """Write the compressed string form."""
    characters: list[str] = []
    for i, run in enumerate(runs):
        value = run - runs[i - 2] if i > 2 else run
        more = True
        while more:
            group = value & 0x1F
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            characters.append(chr((group | (0x20 if more else 0)) + _OFFSET))
    return "".join(characters)


def runs_of(mask: Mapping[str, Any]) -> list[int]:
    """The runs of a mask in either form, checked against its size.

    Raises:
        ValueError: The runs are negative, or do not add up to height times width.
    """
    counts = mask["counts"]
    runs = decompress(counts) if isinstance(counts, str) else list(counts)
    height, width = mask["size"]
    if runs and min(runs) < 0:
        raise ValueError("a run length is negative")
    if sum(runs) != height * width:
        raise ValueError(f"the run lengths add up to {sum(runs)} pixels, not to {height} x {width} = {height * width}")
    return runs


def runs_area(runs: Sequence[int]) -> int:
    """Number of pixels that are set."""
    return sum(runs[1::2])


def runs_box(runs: Sequence[int], height: int) -> Box:
    """The upright box around the pixels that are set; all zeros for an empty mask."""
    left = top = 1 << 62
    right = bottom = position = 0
    for i, run in enumerate(runs):
        if i % 2 and run:
            last = position + run - 1
            left, right = min(left, position // height), max(right, last // height + 1)
            wraps = position // height != last // height
            top = 0 if wraps else min(top, position % height)
            bottom = height if wraps else max(bottom, last % height + 1)
        position += run
    return [float(left), float(top), float(right - left), float(bottom - top)] if right else [0.0, 0.0, 0.0, 0.0]
