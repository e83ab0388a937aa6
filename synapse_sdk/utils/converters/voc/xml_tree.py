"""XML into a small tree with line numbers, refusing what makes XML dangerous.

Annotation files come from anywhere. A document type can declare entities that grow to gigabytes or name local files;
no annotation tool writes one, so any is refused. `expat` is used directly because `ElementTree` keeps no line numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from synapse_sdk.exceptions import FormatError

_MAX_BYTES = 64 << 20
_MAX_DEPTH = 50


class XmlError(FormatError):
    """An XML file cannot be read; `line` is where."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


@dataclass(slots=True)
class Element:
    """One XML element; text of children is not part of `text`."""

    name: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        return next((child for child in self.children if child.name == name), None)

    def child_text(self, name: str) -> str:
        """Text of the first child of that name, without white space around; empty when there is none."""
        child = self.child(name)
        return child.text.strip() if child else ""


def read_xml(path: Path) -> Element:
    """Parse a file.

    Raises:
        XmlError: The file is not well-formed, declares a document type, or is far too large or deep.
        OSError: It cannot be read.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise XmlError(f"the file is larger than {_MAX_BYTES >> 20} MiB")
    return parse_xml(path.read_bytes())


def parse_xml(text: bytes) -> Element:
    """Parse a document.

    Raises:
        XmlError: It is not well-formed, declares a document type, or is far too deep.
    """
    builder = _Builder()
    try:
        builder.parser.Parse(text, True)
    except expat.ExpatError as exc:
        raise XmlError(f"malformed XML: {expat.ErrorString(exc.code)}", exc.lineno) from exc
    except XmlError:
        raise
    except (UnicodeError, LookupError, ValueError) as exc:
        raise XmlError("the file's encoding cannot be read", 1) from exc
    assert builder.root is not None
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise XmlError("elements are nested too deep", self.parser.CurrentLineNumber)
        element = Element(name, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _name: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_declaration: object) -> None:
        raise XmlError("the file declares a document type; remove the <!DOCTYPE …> line", self.parser.CurrentLineNumber)
