"""Names from data become file names: made harmless first, then made unique.

A name of an image comes from whoever uploaded it. It must not leave its folder, nor be one that Windows or a tool
that splits at line ends cannot open, nor meet another on a file system that ignores case.
"""

from __future__ import annotations

import re
import unicodedata

from synapse_sdk.utils.converters.compact import NameSet

_MAX_BYTES = 200
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]'
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\..*)?", re.IGNORECASE)
# Most names are plain: telling so is ten times faster than making them so.
_PLAIN = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d))[A-Za-z0-9][\w-]{0,150}(?:\.[A-Za-z0-9]{1,8})?", re.ASCII)
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
        self._taken = NameSet()
        self._next: dict[str, int] = {}

    def allocate(self, name: str, fallback: str | int = "file") -> str:
        """Return a safe name that was not given out before."""
        safe = name if _PLAIN.fullmatch(name) else safe_name(name, str(fallback))
        if self._taken.add((safe.rpartition(".")[0] or safe).casefold()):
            return safe
        stem, suffix = split_suffix(safe)
        number = self._next.get(stem.casefold(), 1)
        while not self._taken.add(f"{stem}({number})".casefold()):
            number += 1
        # Only names that keep coming are worth remembering: the others are found again within a few probes.
        if number >= _PROBES:
            self._next[stem.casefold()] = number + 1
        return f"{stem}({number}){suffix}"
