"""Streams COCO: images go straight into the file, annotations into one beside it, joined at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET

from synapse_sdk.utils.converters.base import DatasetWriter, Frame
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.coco.records import CocoRow
from synapse_sdk.utils.converters.compact import IdSet
from synapse_sdk.utils.converters.formats import CocoOptions, CocoTask, Format
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting, geometry, rle
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import JoinedOutput, Sink

_PLAIN = frozenset({"id", "type", "category", "bbox", "attributes"})


class CocoWriter(DatasetWriter):
    """Writes `annotations.json` and `images/`, or `annotations/instances_<split>.json` and `images/<split>/`.

    Image ids are those of the data units; annotation ids count from 1 over all splits (COCOeval takes id 0 for "no
    match"); category ids are those of the class schema.
    """

    format: ClassVar[Format] = Format.COCO

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: CocoOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or CocoOptions()
        self._files: dict[str | None, _SplitFile] = {}
        self._image_ids = IdSet()
        self._last_image_id = 0
        self._annotation_id = 0
        self._image_id = 0
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

    def _rows(self, item: Any, frame: Frame) -> list[Any]:
        self._image_id = self._claim_image_id(frame)
        return super()._rows(item, frame)

    def _claim_image_id(self, frame: Frame) -> int:
        """The data unit's id; the item's when there is none or it was given out (two assignments of one image)."""
        own = frame.unit.get("id")
        if isinstance(own, int) and own >= 1 and self._image_ids.add(own):
            self._last_image_id = max(self._last_image_id, own)
            return own
        candidates = (frame.unit.get("id"), frame.item_id, self._last_image_id + 1)
        wanted = [c for c in candidates if isinstance(c, int) and c >= 1]
        chosen = next(c for c in wanted if self._image_ids.add(c))
        self._last_image_id = max(self._last_image_id, chosen)
        if chosen != wanted[0]:
            message = f"image id {wanted[0]} is taken by another item of this data unit; the image has id {chosen}"
            self._lose(frame, None, LossCode.IMAGE_ID_REASSIGNED, message)
        return chosen

    def _convert(self, annotation: Annotation, frame: Frame) -> CocoRow:
        # An upright box inside its image goes without the detours of the others: half of all the time is spent here.
        if self._takes_plain_boxes and annotation.get("type") == "bbox" and _PLAIN.issuperset(annotation):
            box = annotation["bbox"]
            x, y, w, h = box
            if x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= frame.width and y + h <= frame.height:
                self._annotation_id = number = self._annotation_id + 1
                category_id = self._category_ids[annotation["category"]]
                attributes = annotation.get("attributes") or UNSET
                return CocoRow(number, self._image_id, category_id, box, w * h, 0, [], attributes)
        row = self._any_shape(annotation, frame)
        self._annotation_id = row.id
        return row

    def _any_shape(self, annotation: Annotation, frame: Frame) -> CocoRow:
        notes, size = self._notes, frame.size
        fitting.refuse_without_surface(annotation)
        segmentation, area = self._segmentation(annotation, frame)
        if not segmentation or (annotation.get("bbox") and not annotation.get("rotation")):
            box = fitting.fit_box(annotation, size, notes)
        else:
            box = _box_around(segmentation)
        given, score = annotation.get("area"), annotation.get("score")
        row = CocoRow(
            id=self._annotation_id + 1,
            image_id=self._image_id,
            category_id=self._category_ids[annotation["category"]],
            bbox=box,
            area=given if given and given > 0 and not notes else area or box[2] * box[3],
            iscrowd=1 if annotation.get("iscrowd") else 0,
            segmentation=segmentation,
            attributes=annotation.get("attributes") or UNSET,
            score=UNSET if score is None else score,
        )
        if "keypoints" in annotation or self.options.task is CocoTask.KEYPOINTS:
            self._add_keypoints(row, annotation, size)
        self._note_dropped_attributes(annotation)
        return row

    def _segmentation(self, annotation: Annotation, frame: Frame) -> tuple[Any, float]:
        """Polygons, mask or nothing, and its area."""
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, dict):
            mask, runs = fitting.fit_mask(segmentation, frame.size)
            return mask, rle.runs_area(runs)
        if not segmentation:
            if annotation.get("rotation"):
                note = "the turned box became a polygon and the upright box around it"
                self._notes.append((LossCode.GEOMETRY_REDUCED, note))
            elif self.options.task is not CocoTask.SEGMENTATION:
                return [], 0
            else:
                self.report.conversions["bbox_to_polygon"] += 1
        parts = fitting.fit_outline(annotation, frame.size, self._notes)
        assert isinstance(parts, list)
        area = sum(geometry.polygon_area(part) for part in parts)
        if area <= 0:
            raise UnfitError(LossCode.ZERO_AREA, "the polygon has no area")
        return parts, area

    def _add_keypoints(self, row: CocoRow, annotation: Annotation, size: tuple[int, int]) -> None:
        category, points = annotation["category"], annotation.get("keypoints") or ()
        if points and category not in self._keypoint_counts:
            self._keypoint_counts[category] = len(points) // 3
        count = self._keypoint_counts.get(category, 0)
        if not count:
            return
        row.keypoints = points = fitting.fit_keypoints(annotation, count, size, self._notes)
        row.num_keypoints = sum(1 for v in points[2::3] if v)

    def _save(self, frame: Frame, rows: list[Any]) -> None:
        image = {"id": self._image_id, "file_name": frame.image_name, "width": frame.width, "height": frame.height}
        if frame.tags:
            image["tags"] = list(frame.tags)
        self._file(frame.split).add(image, rows)

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


class _SplitFile:
    """One COCO file while it grows; one record per line, so that it can be compared and read by line."""

    def __init__(self, output: JoinedOutput, description: str) -> None:
        self._output = output
        self._encoder = msgspec.json.Encoder()
        info = self._encoder.encode({"description": description, "version": "1.0"})
        output.write(b'{"info":' + info + b',"licenses":[],\n"images":[')
        self._image_separator = self._annotation_separator = b"\n"

    def add(self, image: dict[str, Any], rows: list[Any]) -> None:
        self._output.write(self._image_separator + self._encoder.encode(image))
        self._image_separator = b",\n"
        if rows:
            # Line breaks inside strings are escaped: each one here ends a record.
            lines = self._encoder.encode_lines(rows)[:-1].replace(b"\n", b",\n")
            self._output.write_later(self._annotation_separator + lines)
            self._annotation_separator = b",\n"

    def finish(self, categories: list[dict[str, Any]]) -> None:
        self._output.write(b'\n],\n"annotations":[')
        self._output.write_later(b'\n],\n"categories":' + self._encoder.encode(categories) + b"}\n")
        self._output.close()
