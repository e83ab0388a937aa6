"""Streams COCO: images go straight into the file, annotations into one beside it, joined at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks import NO_ATTRIBUTES, TEXT, BlockItem, Chunk, Lane, NeedsOrderError, Typed
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.coco.records import CocoImageRow, CocoRow
from synapse_sdk.utils.converters.compact import IdSet
from synapse_sdk.utils.converters.formats import CocoOptions, CocoTask, Format
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting, geometry, rle
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.shapes.geometry import outline_area
from synapse_sdk.utils.converters.sinks import JoinedOutput, Sink

_encoder = msgspec.json.Encoder()
# Where an annotation's number comes once the process that knows the blocks before it puts it in.
_TO_BE_NUMBERED: Any = msgspec.Raw(b"%d")


class CocoWriter(DatasetWriter):
    """Writes `annotations.json` and `images/`, or `annotations/instances_<split>.json` and `images/<split>/`.

    Image ids are those of the data units; annotation ids count from 1 over all splits (COCOeval takes id 0 for "no
    match"); category ids are those of the class schema.
    """

    format: ClassVar[Format] = Format.COCO
    _attributes: ClassVar[Any] = TEXT

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: CocoOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or CocoOptions()
        self._files: dict[str | None, _SplitFile] = {}
        self._image_ids = IdSet()
        self._last_image_id = 0
        self._annotation_id = 0
        self._kept: dict[str | None, _Kept] = {}
        self._category_ids = classes.ids
        self._takes_plain_boxes = self.options.task is CocoTask.DETECTION
        self._keypoint_counts = {d.name: len(d.keypoints) for d in classes.definitions if d.keypoints}

    def image_path(self, image_name: str, split: str | None = None) -> str:
        return f"images/{split}/{image_name}" if split else f"images/{image_name}"

    def annotations_path(self, split: str | None = None) -> str:
        """The JSON file of a split, relative to the root."""
        if split is None:
            return "annotations.json"
        stem = "person_keypoints" if self.options.task is CocoTask.KEYPOINTS else "instances"
        return f"annotations/{stem}_{split}.json"

    def claim_image_id(self, unit_id: Any, item_id: int | str) -> tuple[int, str]:
        """The data unit's id; the item's when there is none or it was given out (two assignments of one image)."""
        if isinstance(unit_id, int) and unit_id >= 1 and self._image_ids.add(unit_id):
            if unit_id > self._last_image_id:  # noqa: PLR1730 - a call for each image.
                self._last_image_id = unit_id
            return unit_id, ""
        wanted = [c for c in (unit_id, item_id, self._last_image_id + 1) if isinstance(c, int) and c >= 1]
        chosen = next(c for c in wanted if self._image_ids.add(c))
        self._last_image_id = max(self._last_image_id, chosen)
        if chosen == wanted[0]:
            return chosen, ""
        return chosen, f"image id {wanted[0]} is taken by another item of this data unit; the image has id {chosen}"

    @property
    def _number(self) -> Any:
        return _TO_BE_NUMBERED if self.is_spread else 0

    def _typed_rows(self, annotations: Sequence[Typed], item: BlockItem) -> list[Any]:
        if not self._takes_plain_boxes:
            return super()._typed_rows(annotations, item)
        # Written out, without a call for each box: half of all the time is spent here.
        self.report.annotations_in += len(annotations)
        width, height, image_id = item.width, item.height, item.image_id
        per_class, ids, number = self._per_class, self._category_ids, self._number
        rows: list[Any] = []
        lost = 0
        for annotation in annotations:
            if box := annotation.bbox:
                x, y, w, h = box
                if x + w <= width and y + h <= height:
                    shape: Any = annotation.segmentation
                    if shape is UNSET:
                        area, shape = w * h if annotation.type == "bbox" else 0, ()
                    else:
                        area = outline_area(shape or (), width, height) if annotation.type == "polygon" else 0
                    if area:
                        category, attributes = annotation.category, annotation.attributes
                        per_class[category] += 1
                        if attributes == NO_ATTRIBUTES:
                            attributes = UNSET
                        rows.append(CocoRow(number, image_id, ids[category], box, area, 0, shape, attributes))
                        continue
            row = self._row(annotation.to_dict(), len(rows) + lost + 1, item)
            if row is None:
                lost += 1
            else:
                rows.append(row)
        return rows

    def _convert(self, annotation: Annotation, item: BlockItem) -> CocoRow:
        notes, size = self._notes, item.size
        fitting.refuse_without_surface(annotation)
        segmentation, area = self._segmentation(annotation, item)
        if not segmentation or (annotation.get("bbox") and not annotation.get("rotation")):
            box = fitting.fit_box(annotation, size, notes)
        else:
            box = _box_around(segmentation)
        given, score, attributes = annotation.get("area"), annotation.get("score"), annotation.get("attributes")
        row = CocoRow(
            id=self._number,
            image_id=item.image_id,
            category_id=self._category_ids[annotation["category"]],
            bbox=box,
            area=given if given and given > 0 and not notes else area or box[2] * box[3],
            iscrowd=1 if annotation.get("iscrowd") else 0,
            segmentation=segmentation,
            attributes=UNSET if attributes is None else attributes,
            score=UNSET if score is None else score,
        )
        if "keypoints" in annotation or self.options.task is CocoTask.KEYPOINTS:
            self._add_keypoints(row, annotation, size)
        self._note_dropped_attributes(annotation)
        return row

    def _segmentation(self, annotation: Annotation, item: BlockItem) -> tuple[Any, float]:
        """Polygons, mask or nothing, and its area."""
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, dict):
            mask, runs = fitting.fit_mask(segmentation, item.size)
            return mask, rle.runs_area(runs)
        if not segmentation:
            if annotation.get("rotation"):
                note = "the turned box became a polygon and the upright box around it"
                self._notes.append((LossCode.GEOMETRY_REDUCED, note))
            elif self.options.task is not CocoTask.SEGMENTATION:
                return [], 0
            else:
                self.report.conversions["bbox_to_polygon"] += 1
        parts = fitting.fit_outline(annotation, item.size, self._notes)
        assert isinstance(parts, list)
        area = sum(geometry.polygon_area(part) for part in parts)
        if area <= 0:
            raise UnfitError(LossCode.ZERO_AREA, "the polygon has no area")
        return parts, area

    def _add_keypoints(self, row: CocoRow, annotation: Annotation, size: tuple[int, int]) -> None:
        category, points = annotation["category"], annotation.get("keypoints") or ()
        if self.is_spread and category not in self._keypoint_counts:
            raise NeedsOrderError(f"the first annotation of {category!r} decides how many keypoints it has")
        if points and category not in self._keypoint_counts:
            self._keypoint_counts[category] = len(points) // 3
        count = self._keypoint_counts.get(category, 0)
        if not count:
            return
        row.keypoints = points = fitting.fit_keypoints(annotation, count, size, self._notes)
        row.num_keypoints = sum(1 for v in points[2::3] if v)

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        kept = self._kept.get(item.split)
        if kept is None:
            kept = self._kept[item.split] = _Kept()
        kept.images.append(CocoImageRow(item.image_id, item.name, item.width, item.height, item.tags or UNSET))
        if not rows:
            return
        first = self._annotation_id + 1
        self._annotation_id += len(rows)
        if self.is_spread:
            kept.numbers.append(range(first, first + len(rows)))
        else:
            for number, row in enumerate(rows, first):
                row.id = number
        # At once: while the records are in the processor's cache, and their memory is free for the next item's.
        kept.rows.append(_encoder.encode_lines(rows))

    def _take(self) -> list[Lane]:
        taken, self._kept = self._kept, {}
        if not self.is_spread:
            return [Lane(split, kept.image_lines(), kept.row_lines()) for split, kept in taken.items()]
        self._annotation_id = 0  # Numbers count within the block.
        return [kept.to_unnumbered(split, is_alone=len(taken) == 1) for split, kept in taken.items()]

    def _append(self, lane: Lane) -> None:
        self._file(lane.split).add(lane.first, lane.numbered(self._annotation_id))

    def absorb(self, chunk: Chunk) -> None:
        super().absorb(chunk)
        self._annotation_id += sum(lane.count for lane in chunk.lanes)

    def _file(self, split: str | None) -> _SplitFile:
        if split not in self._files:
            output = self.sink.open_joined(self.annotations_path(split))
            self._files[split] = _SplitFile(output, self.options.description)
        return self._files[split]

    def _finish(self) -> None:
        if not self._files:
            self._file(None)
        categories = [self._category(name) for name in self.classes.names]
        for file in self._files.values():
            file.finish(categories)

    def _category(self, name: str) -> dict[str, Any]:
        definition = self.classes.definitions[self.classes.indexes[name]]
        category: dict[str, Any] = {
            "id": definition.id,
            "name": name,
            "supercategory": definition.supercategory or "",
        }
        if count := self._keypoint_counts.get(name, 0):
            category["keypoints"] = definition.keypoints or [f"point_{i}" for i in range(1, count + 1)]
            category["skeleton"] = definition.skeleton or []
        return category


def _box_around(segmentation: Any) -> geometry.Box:
    if isinstance(segmentation, dict):
        return rle.runs_box(rle.runs_of(segmentation), segmentation["size"][0])
    return geometry.parts_box(segmentation)


@dataclass(slots=True)
class _Kept:
    """What waits to be written into one split: records of images, and lines of their annotations."""

    images: list[CocoImageRow] = field(default_factory=list)
    rows: list[bytes] = field(default_factory=list)
    numbers: list[range] = field(default_factory=list)

    def image_lines(self) -> bytes:
        return _with_commas(_encoder.encode_lines(self.images))

    def row_lines(self) -> bytes:
        return _with_commas(b"".join(self.rows))

    def to_unnumbered(self, split: str | None, *, is_alone: bool) -> Lane:
        count = sum(map(len, self.numbers))
        numbers = [] if is_alone else list(chain.from_iterable(self.numbers))
        return Lane(split, self.image_lines(), _escaped(self.row_lines(), count), count, numbers)


def _escaped(rows: bytes, count: int) -> bytes:
    """Lines that begin with `%d` for a number, as a template for `%`."""
    # Taken out and not counted, which looks at each byte by itself and takes twice as long.
    if len(rows.replace(b"%", b"")) == len(rows) - count:
        return rows
    # Each line begins with its number, and no string holds a line break.
    return (b"\n" + rows).replace(b"%", b"%%").replace(b'\n{"id":%%d,', b'\n{"id":%d,')[1:]


def _with_commas(lines: bytes) -> bytes:
    """One record per line, with the commas of an array between them."""
    # Line breaks inside strings are escaped: each one here ends a record.
    return lines[:-1].replace(b"\n", b",\n")


class _SplitFile:
    """One COCO file while it grows; one record per line, so that it can be compared and read by line."""

    def __init__(self, output: JoinedOutput, description: str) -> None:
        self._output = output
        info = _encoder.encode({"description": description, "version": "1.0"})
        output.write(b'{"info":' + info + b',"licenses":[],\n"images":[')
        self._image_separator = self._annotation_separator = b"\n"

    def add(self, images: bytes, rows: bytes) -> None:
        self._output.write(self._image_separator + images)
        self._image_separator = b",\n"
        if rows:
            self._output.write_later(self._annotation_separator + rows)
            self._annotation_separator = b",\n"

    def finish(self, categories: list[dict[str, Any]]) -> None:
        self._output.write(b'\n],\n"annotations":[')
        self._output.write_later(b'\n],\n"categories":' + _encoder.encode(categories) + b"}\n")
        self._output.close()
