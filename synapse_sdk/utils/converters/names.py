"""Names from data become file names: made harmless first, then made unique.

A name of an image comes from whoever uploaded it. It must not leave its folder, nor be one that Windows or a tool
that splits at line ends cannot open, nor meet another on a file system that ignores case.
"""

from __future__ import annotations

import re
import unicodedata
from array import array

_MAX_BYTES = 200
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
# Most names are plain: telling so is ten times faster than making them so.
_PLAIN = re.compile(r"(?!con|prn|aux|nul|com\d|lpt\d)[a-z0-9][\w-]{0,150}\.[a-z0-9]{1,8}", re.ASCII | re.IGNORECASE)
_PROBES = 8


def safe_name(name: str, fallback: str = "file") -> str:
    """A file name with no folder, no control character, no reserved word, of at most 200 bytes.

    Args:
        name: The name as it came, perhaps a path; its last part is used.
        fallback: What to use when nothing is left.
    """
    if _PLAIN.fullmatch(name):
        return name
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    cleaned = _UNSAFE.sub("_", unicodedata.normalize("NFC", last)).strip(" ").rstrip(". ")
    if not cleaned.strip("._ "):
        cleaned = fallback
    if _RESERVED.fullmatch(cleaned):
        cleaned = f"_{cleaned}"
    return _shorten(cleaned)


def _shorten(name: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    stem, suffix = split_suffix(name)
    if len(suffix.encode()) > 20:
        stem, suffix = name, ""
    room = _MAX_BYTES - len(suffix.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + suffix


def split_suffix(name: str) -> tuple[str, str]:
    """`("photo", ".jpg")`; a name that begins with its only dot has no suffix."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem else (name, "")


class NameAllocator:
    """Gives each image a name of its own: the second `a.jpg` becomes `a(1).jpg`, in the order of arrival.

    Names are unique without regard to case, and by stem: `a.jpg` and `a.png` would share one label file `a.txt`.
    """

    def __init__(self) -> None:
        self._taken = HashSet()
        self._next: dict[str, int] = {}

    def allocate(self, name: str, fallback: str = "file") -> str:
        """Return a safe name that was not given out before."""
        safe = safe_name(name, fallback)
        stem, suffix = split_suffix(safe)
        if self._taken.add(stem.casefold()):
            return safe
        number = self._next.get(stem.casefold(), 1)
        while not self._taken.add(f"{stem}({number})".casefold()):
            number += 1
        # Only names that keep coming are worth remembering: the others are found again within a few probes.
        if number >= _PROBES:
            self._next[stem.casefold()] = number + 1
        return f"{stem}({number}){suffix}"


class HashSet:
    """Strings by their 64-bit hash at about 12 to 24 bytes each: a set of ten million `str` would need a gigabyte.

    Two names of one hash (one chance in a million at ten million names) would cost the second an unneeded `(1)`.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 << 10))
        self._count = 0

    def add(self, text: str) -> bool:
        """Add, and say whether it is new."""
        if self._count * 3 > len(self._slots) * 2:
            self._grow()
        if not _insert(self._slots, (hash(text) & 0xFFFF_FFFF_FFFF_FFFF) or 1):
            return False
        self._count += 1
        return True

    def _grow(self) -> None:
        larger = array("Q", bytes(16 * len(self._slots)))
        for value in self._slots:
            if value:
                _insert(larger, value)
        self._slots = larger


def _insert(slots: array[int], value: int) -> bool:
    mask = len(slots) - 1
    place = value & mask
    while slots[place]:
        if slots[place] == value:
            return False
        place = (place + 1) & mask
    slots[place] = value
    return True


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
