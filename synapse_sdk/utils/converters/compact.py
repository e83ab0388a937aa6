"""Sets and maps that stay small at ten million entries, where Python's own take a gigabyte."""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator


class HashSet:
    """Strings by their 64-bit hash: a set of ten million `str` would need a gigabyte.

    The first 700,000 take at most 8 MB of memory. Others lie in a file without a name, at 12 to 48 bytes each: memory
    stays as it is, and each takes four or five microseconds. Two names of one hash (one chance in a million at ten
    million names) would cost the second an unneeded `(1)`.
    """

    _MEMORY_SLOTS = 1 << 20

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << 10))
        self._count = 0
        self._file: _SlotFile | None = None

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        value = _value_of(text)
        if self._slots[_place_of(self._slots, value)]:
            return True
        return self._file is not None and self._file.find(value)[1]

    def add(self, text: str) -> bool:
        """Add, and say whether it is new."""
        value = (hash(text) & 0xFFFF_FFFF_FFFF_FFFF) or 1
        # `_place_of`, without a call: every name comes by here.
        slots = self._slots
        mask = len(slots) - 1
        place = value & mask
        while found := slots[place]:
            if found == value:
                return False
            place = (place + 1) & mask
        if self._file is not None:
            return self._add_to_file(self._file, value)
        slots[place] = value
        self._count += 1
        if self._count * 3 > len(slots) * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        if len(self._slots) >= self._MEMORY_SLOTS:
            self._file = _SlotFile(8 * len(self._slots))
            return
        larger = array("Q", bytes(16 * len(self._slots)))
        for value in self._slots:
            if value:
                larger[_place_of(larger, value)] = value
        self._slots = larger

    def _add_to_file(self, file: _SlotFile, value: int) -> bool:
        place, is_there = file.find(value)
        if is_there:
            return False
        file.put(place, value)
        self._count += 1
        if file.used * 3 > file.count * 2:
            # Larger steps than in memory: each costs a walk through all that is there.
            self._file = _SlotFile(4 * file.count, file.blocks())
        return True


class _SlotFile:
    """Slots in a file that goes when nobody has it open any more; holes in it take no room on the disk."""

    _WINDOW = 8
    _BLOCK = 1 << 16

    def __init__(self, count: int, before: Iterable[array[int]] = ()) -> None:
        self.count, self.used = count, 0
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - Open as long as the set is.
        weakref.finalize(self, stream.close)
        self._number = stream.fileno()
        os.ftruncate(self._number, 8 * count)
        for block in before:
            for value in block:
                if value:
                    self.put(self.find(value)[0], value)

    def find(self, value: int) -> tuple[int, bool]:
        """Where the value is or belongs, and whether it is there."""
        place = value & (self.count - 1)
        while True:
            window = array("Q", os.pread(self._number, 8 * self._WINDOW, 8 * place))
            for offset, slot in enumerate(window):
                if slot in (0, value):
                    return place + offset, slot == value
            place = (place + len(window)) & (self.count - 1)

    def put(self, place: int, value: int) -> None:
        self.used += 1
        os.pwrite(self._number, value.to_bytes(8, sys.byteorder), 8 * place)

    def blocks(self) -> Iterator[array[int]]:
        """All slots, a part at a time."""
        for begin in range(0, 8 * self.count, 8 * self._BLOCK):
            yield array("Q", os.pread(self._number, 8 * self._BLOCK, begin))


def _value_of(text: str) -> int:
    return (hash(text) & 0xFFFF_FFFF_FFFF_FFFF) or 1


def _place_of(slots: array[int], value: int) -> int:
    """Where the value is, or the free slot where it belongs."""
    mask = len(slots) - 1
    place = value & mask
    while slots[place] not in (0, value):
        place = (place + 1) & mask
    return place


class IdSet:
    """Positive numbers at an eighth of a byte each where they are dense, as ids of a database are."""

    _SPAN_BITS = 12

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Add, and say whether it is new."""
        page = number >> self._SPAN_BITS
        bits = self._pages.get(page)
        if bits is None:
            bits = self._pages[page] = bytearray(1 << self._SPAN_BITS >> 3)
        return _mark(bits, number - (page << self._SPAN_BITS))

    def __contains__(self, number: int) -> bool:
        page = number >> self._SPAN_BITS
        bits = self._pages.get(page)
        place = number - (page << self._SPAN_BITS)
        return bits is not None and bool(bits[place >> 3] & (1 << (place & 7)))


# Three digits to their number: a name comes by here for every image, and taking digits apart costs four times as much.
_NUMBERS = {f"{number:03}": number for number in range(1000)}


class NameSet:
    """Names that mostly end in a number, as those of images do: at a third of a byte each where numbers are dense.

    Names that differ in their last three digits alone share a page, with a bit for each. Other names, and those of
    numbers so far apart that they use up the pages, lie in a `HashSet`; ten million in its file take ten times as long.
    """

    _MOST_PAGES = 1 << 14

    def __init__(self) -> None:
        self._pages: dict[str, bytearray] = {}
        self._others = HashSet()

    def add(self, name: str) -> bool:
        """Add, and say whether it is new."""
        number = _NUMBERS.get(name[-3:])
        if number is None:
            return self._others.add(name)
        bits = self._pages.get(name[:-3])
        if bits is None:
            # Once there is no room no page is added any more: a name never changes its place.
            if len(self._pages) >= self._MOST_PAGES:
                return self._others.add(name)
            bits = self._pages[name[:-3]] = bytearray(125)
        return _mark(bits, number)


def _mark(bits: bytearray, number: int) -> bool:
    """Set a number's bit in its page, and say whether it is new."""
    place, mask = number >> 3, 1 << (number & 7)
    found = bits[place]
    bits[place] = found | mask
    return not found & mask


class SizeMap:
    """Positive numbers to a width and height, at eight bytes each where the numbers are dense."""

    _SPAN = 1024

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}

    def add(self, number: int, size: tuple[int, int]) -> bool:
        """Add, and say whether the number is new."""
        page, place = divmod(number, self._SPAN)
        sizes = self._pages.setdefault(page, array("I", bytes(8 * self._SPAN)))
        if sizes[2 * place]:
            return False
        sizes[2 * place], sizes[2 * place + 1] = size
        return True

    def get(self, number: int) -> tuple[int, int] | None:
        page, place = divmod(number, self._SPAN)
        sizes = self._pages.get(page)
        return (sizes[2 * place], sizes[2 * place + 1]) if sizes is not None and sizes[2 * place] else None
