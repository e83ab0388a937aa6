"""Pascal VOC as objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from xml.sax.saxutils import escape

from synapse_sdk.utils.converters.voc.xml_tree import Element, parse_xml


@dataclass(frozen=True, slots=True)
class PascalBox:
    """Corners in pixels counted from 1, both included."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float


@dataclass(frozen=True, slots=True)
class PascalObject:
    """One `<object>`."""

    name: str
    bndbox: PascalBox
    pose: str = "Unspecified"
    truncated: int = 0
    occluded: int = 0
    difficult: int = 0


@dataclass(slots=True)
class PascalAnnotation:
    """One annotation file."""

    filename: str
    width: int = 0
    height: int = 0
    depth: int = 3
    folder: str = "JPEGImages"
    segmented: int = 0
    objects: list[PascalObject] = field(default_factory=list)

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no annotation.
        """
        return cls.from_xml(Path(path).read_bytes())

    @classmethod
    def from_xml(cls, text: str | bytes) -> Self:
        """Read XML; a document type is refused.

        Raises:
            ValueError: It is no annotation.
        """
        root = parse_xml(text.encode() if isinstance(text, str) else text)
        size = root.child("size")
        width, height, depth = (int((size and size.child_text(name)) or 0) for name in ("width", "height", "depth"))
        objects = [_read_object(element) for element in root.children_named("object")]
        segmented = int(root.child_text("segmented") or 0)
        return cls(root.child_text("filename"), width, height, depth, root.child_text("folder"), segmented, objects)

    def to_xml(self) -> str:
        """The file's text."""
        objects = "".join(_object_xml(found) for found in self.objects)
        return (
            f"<annotation>\n\t<folder>{escape(self.folder)}</folder>\n\t<filename>{escape(self.filename)}</filename>\n"
            f"\t<size>\n\t\t<width>{self.width}</width>\n\t\t<height>{self.height}</height>\n"
            f"\t\t<depth>{self.depth}</depth>\n\t</size>\n\t<segmented>{self.segmented}</segmented>\n"
            f"{objects}</annotation>\n"
        )

    def to_file(self, path: str | Path) -> None:
        """Write the text to a file."""
        Path(path).write_text(self.to_xml(), encoding="utf-8")


def _read_object(element: Element) -> PascalObject:
    corners = element.child("bndbox")
    if corners is None:
        raise ValueError(f"line {element.line}: an object has no <bndbox>.")
    box = PascalBox(*(float(corners.child_text(tag)) for tag in ("xmin", "ymin", "xmax", "ymax")))
    flags = (int(element.child_text(tag) or 0) for tag in ("truncated", "occluded", "difficult"))
    return PascalObject(element.child_text("name"), box, element.child_text("pose") or "Unspecified", *flags)


def _object_xml(found: PascalObject) -> str:
    box = found.bndbox
    corners = "".join(f"\t\t\t<{tag}>{getattr(box, tag):.12g}</{tag}>\n" for tag in ("xmin", "ymin", "xmax", "ymax"))
    flags = "".join(f"\t\t<{tag}>{getattr(found, tag)}</{tag}>\n" for tag in ("truncated", "occluded", "difficult"))
    return (
        f"\t<object>\n\t\t<name>{escape(found.name)}</name>\n\t\t<pose>{escape(found.pose)}</pose>\n{flags}"
        f"\t\t<bndbox>\n{corners}\t\t</bndbox>\n\t</object>\n"
    )
