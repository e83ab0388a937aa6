"""Sets and maps that stay small at ten million entries, where Python's own take a gigabyte."""

from __future__ import annotations

from array import array


class HashSet:
    """Strings by their 64-bit hash at about 12 to 24 bytes each: a set of ten million `str` would need a gigabyte.

    Two names of one hash (one chance in a million at ten million names) would cost the second an unneeded `(1)`.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << 10))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        return self._slots[_place_of(self._slots, (hash(text) & 0xFFFF_FFFF_FFFF_FFFF) or 1)] != 0

    def add(self, text: str) -> bool:
        """Add, and say whether it is new."""
        slots = self._slots
        value = (hash(text) & 0xFFFF_FFFF_FFFF_FFFF) or 1
        place = _place_of(slots, value)
        if slots[place]:
            return False
        slots[place] = value
        self._count += 1
        if self._count * 3 > len(slots) * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        larger = array("Q", bytes(16 * len(self._slots)))
        for value in self._slots:
            if value:
                larger[_place_of(larger, value)] = value
        self._slots = larger


def _place_of(slots: array[int], value: int) -> int:
    """Where the value is, or the free slot where it belongs."""
    mask = len(slots) - 1
    place = value & mask
    while slots[place] not in (0, value):
        place = (place + 1) & mask
    return place


class IdSet:
    """Positive numbers at an eighth of a byte each where they are dense, as ids of a database are."""

    _SPAN = 4096

    def __init__(self) -> None:
        self._pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Add, and say whether it is new."""
        page, bit = divmod(number, self._SPAN)
        bits = self._pages.get(page)
        if bits is None:
            bits = self._pages[page] = bytearray(self._SPAN // 8)
        mask = 1 << (bit & 7)
        if bits[bit >> 3] & mask:
            return False
        bits[bit >> 3] |= mask
        return True

    def __contains__(self, number: int) -> bool:
        page, bit = divmod(number, self._SPAN)
        bits = self._pages.get(page)
        return bits is not None and bool(bits[bit >> 3] & (1 << (bit & 7)))


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
