"""Walks the arrays of one large JSON object element by element: a COCO file of gigabytes must not fill the memory.

No JSON library of ours reads from the middle of a document, so the ends of elements are found here, by their brackets,
and each element is decoded by msgspec. Files with one element per line, such as our own, take a short cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from synapse_sdk.exceptions import FormatError

_CHUNK_BYTES = 1 << 20
_MAX_ELEMENT_BYTES = 256 << 20
# A string that the buffer cuts must be taken as a whole too: brackets within it are text.
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+("|\\?\Z)|[{}\[\]]', re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^,\]}\s"\[{]+(?=[,\]}\s])')
_SPACE = re.compile(rb"[ \t\r\n]*")

# Proves that an element is whole where nobody wants to know what is in it.
_WHOLE = msgspec.json.Decoder(msgspec.Raw)


class Element(NamedTuple):
    """One element of a top-level array; `value` is a `msgspec.DecodeError` when it is not what was expected."""

    key: str
    offset: int
    length: int
    line: int
    value: Any


class _EndOfBufferError(Exception):
    """More bytes are needed to find the end of a value."""


def scan_arrays(path: Path, decoders: Mapping[str, msgspec.json.Decoder[Any]]) -> Iterator[Element]:
    """Yield the elements of those top-level arrays that have a decoder, in the order of the file.

    Raises:
        FormatError: The file is no JSON object, or is torn; the message names the line.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        yield from _Scanner(file, path.name).elements(decoders)


class _Scanner:
    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file = file
        self._name = name
        self._buffer = b""
        self._base = 0
        self._position = 0
        self._line = 1
        self._counted = 0
        self._ended = False
        self._by_line = True

    def elements(self, decoders: Mapping[str, msgspec.json.Decoder[Any]]) -> Iterator[Element]:
        self._more()
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._position = 3
        self._expect(b"{")
        if self._peek() == b"}":
            return
        while True:
            key = msgspec.json.decode(self._take_string(), type=str)
            self._expect(b":")
            if self._peek() == b"[":
                yield from self._array(key, decoders.get(key))
            else:
                self._take()
            if self._expect(b",}") == b"}":
                return

    def _array(self, key: str, decoder: msgspec.json.Decoder[Any] | None) -> Iterator[Element]:
        self._expect(b"[")
        if self._peek() == b"]":
            self._position += 1
            return
        self._by_line = True
        while True:
            self._peek()
            offset, line = self._base + self._position, self._current_line()
            raw, value = self._take_element(decoder)
            if decoder is not None:
                yield Element(key, offset, len(raw), line, value)
                yield from self._plain_lines(key, decoder)
            if self._expect(b",]") == b"]":
                return

    def _plain_lines(self, key: str, decoder: msgspec.json.Decoder[Any]) -> Iterator[Element]:
        """The elements that follow as our own writer lays them out, one per line; the first other one ends it."""
        line = self._current_line()
        while self._buffer.startswith(b",\n{", self._position):
            start = self._position + 2
            end = self._buffer.find(b"\n", start)
            if not self._buffer.endswith(b"},", start, max(start, end)):
                return
            try:
                value = decoder.decode(self._buffer[start : end - 1])
            except msgspec.DecodeError:
                return
            line += 1
            self._position = self._counted = end - 1
            self._line = line
            yield Element(key, self._base + start, end - 1 - start, line, value)

    def _take_element(self, decoder: msgspec.json.Decoder[Any] | None) -> tuple[bytes, Any]:
        if self._by_line and (taken := self._take_line(decoder or _WHOLE)):
            return taken
        raw = self._take()
        if decoder is None:
            return raw, None
        try:
            return raw, decoder.decode(raw)
        except msgspec.DecodeError as exc:
            return raw, exc

    def _take_line(self, decoder: msgspec.json.Decoder[Any]) -> tuple[bytes, Any] | None:
        """The element when it ends with its line: msgspec itself is the proof that nothing was cut."""
        end = self._buffer.find(b"\n", self._position)
        raw = self._buffer[self._position : end].rstrip(b" \t\r,") if end >= 0 else b""
        if not raw.endswith(b"}"):
            return None
        try:
            value = decoder.decode(raw)
        except msgspec.DecodeError:
            self._by_line = False
            return None
        self._position += len(raw)
        return raw, value

    def _take(self) -> bytes:
        """The raw bytes of the value at the position."""
        self._peek()
        while True:
            try:
                end = self._end_of_value()
            except _EndOfBufferError:
                if len(self._buffer) - self._position > _MAX_ELEMENT_BYTES:
                    raise self._torn("a value is too large") from None
                if not self._more():
                    raise self._torn("the file ends within a value") from None
                continue
            raw = self._buffer[self._position : end]
            self._position = end
            return raw

    def _end_of_value(self) -> int:
        first = self._buffer[self._position : self._position + 1]
        if first not in (b"{", b"["):
            match = (_STRING if first == b'"' else _SCALAR).match(self._buffer, self._position)
            if match is None:
                raise _EndOfBufferError
            return match.end()
        depth = 0
        for token in _BRACKETS.finditer(self._buffer, self._position):
            kind = token.group()
            if kind in (b"{", b"["):
                depth += 1
            elif kind in (b"}", b"]"):
                depth -= 1
                if depth == 0:
                    return token.end()
            elif token.group(1) != b'"':
                break
        raise _EndOfBufferError

    def _take_string(self) -> bytes:
        if self._peek() != b'"':
            raise self._torn("a key is missing")
        return self._take()

    def _peek(self) -> bytes:
        """The next byte that is no white space."""
        while True:
            match = _SPACE.match(self._buffer, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._buffer):
                return self._buffer[self._position : self._position + 1]
            if not self._more():
                raise self._torn("the file ends too early")

    def _expect(self, allowed: bytes) -> bytes:
        found = self._peek()
        if found not in allowed:
            raise self._torn(f"{found.decode(errors='replace')!r} stands where one of {allowed.decode()} belongs")
        self._position += 1
        return found

    def _more(self) -> bool:
        """Forget what was used and read on, as much again as is kept: a large value is scanned a few times only."""
        self._current_line()
        kept = self._buffer[self._position :]
        read = self._file.read(max(_CHUNK_BYTES, len(kept)))
        self._base += self._position
        self._buffer, self._position, self._counted = kept + read, 0, 0
        return bool(read)

    def _current_line(self) -> int:
        self._line += self._buffer.count(b"\n", self._counted, self._position)
        self._counted = self._position
        return self._line

    def _torn(self, what: str) -> FormatError:
        return FormatError(f"{self._name}, line {self._current_line()}: {what}. The file is no complete JSON object.")
