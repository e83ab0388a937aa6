"""Writes Pascal VOC: one XML file per image, and a list of images per split.

A box `[x, y, w, h]` covers the pixels `x + 1 … x + w` when they are counted from 1, both ends included: `xmin = x + 1`,
`xmax = x + w`. Whole numbers stay whole; others keep three digits, as VOC 2012 itself has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks import BlockItem, Lane, Typed
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, VocOptions
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.names import split_suffix
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import Output, Sink

UNSPLIT_LIST = "trainval"
FLAGS = ("truncated", "occluded", "difficult")
# A box that is wider, counted from its first inner pixel, keeps its corners apart when they are rounded.
_CLEAR_SIDE = 1.002
_NONE: dict[str, Any] = {}
# Beyond this, twelve digits leave no three behind the point.
_FAR = 1e8
_PLAIN_TEXT = re.compile(r"[\w .()-]*", re.ASCII)
_UNFIT = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class VocWriter(DatasetWriter):
    """Writes `Annotations/`, `ImageSets/Main/<split>.txt` and `labelmap.txt`; images belong into `JPEGImages/`."""

    format: ClassVar[Format] = Format.VOC
    carried_attributes: ClassVar[frozenset[str]] = frozenset({*FLAGS, "pose"})
    carries_score: ClassVar[bool] = False
    carries_tags: ClassVar[bool] = False

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: VocOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or VocOptions()
        self._lists: dict[str | None, Output] = {}
        self._stems: dict[str | None, list[str]] = {}
        self._names = {name: _text(name) for name in classes.names}
        self._source = f"\t<source>\n\t\t<database>{_text(self.options.database)}</database>\n\t</source>\n"
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            self.sink.make_folder(folder)

    def image_path(self, image_name: str, split: str | None = None) -> str:  # noqa: ARG002 - VOC keeps splits in lists
        return f"JPEGImages/{image_name}"

    def _convert(self, annotation: Annotation, item: BlockItem) -> str:
        fitting.refuse_without_surface(annotation)
        x, y, w, h = fitting.fit_box(annotation, item.size, self._notes)
        left, top, right, bottom = (round(value, 3) for value in (x + 1, y + 1, x + w, y + h))
        if left >= right or top >= bottom:
            raise UnfitError(LossCode.TOO_SMALL, f"a box of {w:g} x {h:g} px has no inner pixel to count from 1")
        fitting.note_reduction_to_box(annotation, self._notes)
        self._note_dropped_attributes(annotation)
        return self._object(annotation["category"], annotation.get("attributes") or {}, (left, top, right, bottom))

    def _convert_typed(self, annotation: Typed, item: BlockItem) -> str | None:
        box, segmentation = annotation.bbox, annotation.segmentation
        if not box or not annotation.type:
            return None
        x, y, w, h = box
        if x + w > item.width or y + h > item.height:
            return None
        if w <= _CLEAR_SIDE or h <= _CLEAR_SIDE or x + w > _FAR or y + h > _FAR:
            return None
        if segmentation:
            self._notes.append(fitting.OUTLINE_REDUCED)
        attributes = annotation.attributes or _NONE
        if attributes:
            self._notes += self._dropped[tuple(attributes)]
        # The same as rounding to three digits and writing twelve, in half the time.
        return (
            f"\t<object>\n\t\t<name>{self._names[annotation.category]}</name>\n{_front(attributes)}"
            f"\t\t<bndbox>\n\t\t\t<xmin>{f'{x + 1:.3f}'.rstrip('0').rstrip('.')}</xmin>\n"
            f"\t\t\t<ymin>{f'{y + 1:.3f}'.rstrip('0').rstrip('.')}</ymin>\n"
            f"\t\t\t<xmax>{f'{x + w:.3f}'.rstrip('0').rstrip('.')}</xmax>\n"
            f"\t\t\t<ymax>{f'{y + h:.3f}'.rstrip('0').rstrip('.')}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        )

    def _object(self, category: str, attributes: Mapping[str, Any], edges: tuple[float, float, float, float]) -> str:
        left, top, right, bottom = edges
        return (
            f"\t<object>\n\t\t<name>{self._names[category]}</name>\n{_front(attributes)}"
            f"\t\t<bndbox>\n\t\t\t<xmin>{left:.12g}</xmin>\n\t\t\t<ymin>{top:.12g}</ymin>\n"
            f"\t\t\t<xmax>{right:.12g}</xmax>\n\t\t\t<ymax>{bottom:.12g}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        )

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        stem, _ = split_suffix(item.name)
        text = (
            f"<annotation>\n\t<folder>JPEGImages</folder>\n\t<filename>{_text(item.name)}</filename>\n"
            f"{self._source}\t<size>\n\t\t<width>{item.width}</width>\n\t\t<height>{item.height}</height>\n"
            f"\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{''.join(rows)}</annotation>\n"
        )
        self._whole_files.append((f"Annotations/{stem}.xml", text.encode()))
        self._stems.setdefault(item.split, []).append(f"{stem}\n")

    def _take(self) -> list[Lane]:
        taken, self._stems = self._stems, {}
        return [Lane(split, "".join(stems).encode()) for split, stems in taken.items()]

    def _append(self, lane: Lane) -> None:
        self._list(lane.split).write(lane.first)

    def _list(self, split: str | None) -> Output:
        if split not in self._lists:
            self._lists[split] = self.sink.open(f"ImageSets/Main/{split or UNSPLIT_LIST}.txt")
        return self._lists[split]

    def _finish(self) -> None:
        if not self._lists:
            self._list(None)
        for file in self._lists.values():
            file.close()
        if any(":" in name or "\n" in name or name.startswith("#") for name in self.classes.names):
            return
        # Readers that know only VOC's twenty classes take the names from here, in the schema's order.
        lines = ["# label:color_rgb:parts:actions", *(f"{name}:::" for name in self.classes.names)]
        self.sink.write("labelmap.txt", ("\n".join(lines) + "\n").encode())


def _front(attributes: Mapping[str, Any]) -> str:
    """What stands between an object's name and its box."""
    get = attributes.get
    pose = get("pose")
    flags = get("truncated"), get("occluded"), get("difficult")
    try:
        marks = _MARKS[flags]
    except (KeyError, TypeError):
        marks = _marks(*flags)
    return f"\t\t<pose>{_text(pose) if pose else 'Unspecified'}</pose>\n{marks}"


def _marks(truncated: Any, occluded: Any, difficult: Any) -> str:
    return (
        f"\t\t<truncated>{_flag(truncated)}</truncated>\n\t\t<occluded>{_flag(occluded)}</occluded>\n"
        f"\t\t<difficult>{_flag(difficult)}</difficult>\n"
    )


def _flag(value: Any) -> int:
    if value is False or value is None:
        return 0
    return 1 if value is True or value in (1, "1", "true", "True") else 0


# What flags mostly are.
_MARKS = {flags: _marks(*flags) for flags in product((None, False, True), repeat=3)}


def _text(value: Any) -> str:
    """XML text; characters that XML 1.0 cannot hold, even escaped, become a replacement mark."""
    text = str(value)
    return text if _PLAIN_TEXT.fullmatch(text) else escape(_UNFIT.sub("\ufffd", text), quote=False)
