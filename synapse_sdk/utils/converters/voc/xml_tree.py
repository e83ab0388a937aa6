"""XML into a small tree, refusing what makes XML dangerous; the line of an element is found when it is asked for.

Annotation files come from anywhere. A document type can declare entities that grow to gigabytes or name local files;
no annotation tool writes one, so any is refused. `expat` is driven directly because `ElementTree` refuses none; its
tree builder, which is written in C, makes the tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET
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
    """One XML element."""

    _node: ET.Element
    _document: _Document

    @property
    def name(self) -> str:
        return self._node.tag

    @property
    def line(self) -> int:
        return self._document.lines[self._node]

    def child(self, name: str) -> Element | None:
        node = self._node.find(name)
        return None if node is None else Element(node, self._document)

    def children_named(self, name: str) -> list[Element]:
        return [Element(node, self._document) for node in self._node.findall(name)]

    def child_text(self, name: str) -> str:
        """Text of the first child of that name, without white space around; empty when there is none."""
        return (self._node.findtext(name) or "").strip()


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
    parser, builder = expat.ParserCreate(), ET.TreeBuilder()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_declaration: object) -> None:
        message = "the file declares a document type; remove the <!DOCTYPE …> line"
        raise XmlError(message, parser.CurrentLineNumber)

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as exc:
        raise XmlError(f"malformed XML: {expat.ErrorString(exc.code)}", exc.lineno) from exc
    except XmlError:
        raise
    except (UnicodeError, LookupError, ValueError) as exc:
        raise XmlError("the file's encoding cannot be read", 1) from exc
    document = _Document(text, builder.close())
    _refuse_deep(document)
    return Element(document.root, document)


@dataclass
class _Document:
    """A parsed document; lines are counted by parsing again, because most files have none to tell."""

    text: bytes
    root: ET.Element

    @cached_property
    def lines(self) -> dict[ET.Element, int]:
        numbers: list[int] = []
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda *_element: numbers.append(parser.CurrentLineNumber)
        parser.Parse(self.text, True)
        return dict(zip(self.root.iter(), numbers, strict=True))


def _refuse_deep(document: _Document) -> None:
    level = [document.root]
    for _ in range(_MAX_DEPTH):
        level = [child for element in level for child in element]
        if not level:
            return
    raise XmlError("elements are nested too deep", document.lines[level[0]])
