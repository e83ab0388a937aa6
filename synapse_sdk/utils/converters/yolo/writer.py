"""Writes YOLO: one text file per image, each row one object, and the file that describes the data set.

Trainers skip a label file that mixes boxes and polygons, has a value beyond [0, 1] or a row twice. So the task decides
what every row is, and what does not fit is converted by convention or reported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks import BlockItem, Lane, NeedsOrderError, Typed
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, YoloOptions, YoloTask
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.names import safe_name, split_suffix
from synapse_sdk.utils.converters.records import UnfitError
from synapse_sdk.utils.converters.shapes import fitting, geometry
from synapse_sdk.utils.converters.shapes.fitting import Annotation
from synapse_sdk.utils.converters.sinks import Sink
from synapse_sdk.utils.converters.yolo.outlines import mask_outlines

UNSPLIT = "train"


class YoloWriter(DatasetWriter):
    """Writes `labels/<split>/<stem>.txt` and `data.yaml`; images belong into `images/<split>/`.

    A class's number is its place in the schema, counted from 0. Without splits all is `train`, and `val` is the same
    folder, because a trainer demands one.
    """

    format: ClassVar[Format] = Format.YOLO
    carried_attributes: ClassVar[frozenset[str]] = frozenset()
    carries_score: ClassVar[bool] = False
    carries_tags: ClassVar[bool] = False

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: YoloOptions | None = None) -> None:
        super().__init__(sink, classes)
        self.options = options or YoloOptions()
        self._splits: set[str] = set()
        self._item_rows: set[str] = set()
        self._seen: dict[str, None] = {}
        self._indexes = classes.indexes
        self._takes_plain_boxes = self.options.task is YoloTask.DETECT
        self._keypoint_count = max((len(d.keypoints or ()) for d in classes.definitions), default=0)
        rows: dict[YoloTask, Callable[[Annotation, BlockItem], Sequence[float]]] = {
            YoloTask.DETECT: self._detect_row,
            YoloTask.SEGMENT: self._segment_row,
            YoloTask.POSE: self._pose_row,
            YoloTask.OBB: self._obb_row,
        }
        self._task_row = rows[self.options.task]

    def image_path(self, image_name: str, split: str | None = None) -> str:
        return f"images/{split or UNSPLIT}/{image_name}"

    def _convert(self, annotation: Annotation, item: BlockItem) -> str:
        fitting.refuse_without_surface(annotation)
        values = self._task_row(annotation, item)
        self._note_dropped_attributes(annotation)
        row = f"{self._indexes[annotation['category']]} {' '.join([number_text(v) for v in values])}\n"
        if row in self._item_rows:
            message = "another of its class has the very same place in this image; trainers drop the second"
            raise UnfitError(LossCode.DUPLICATE_ROW, message)
        self._item_rows.add(row)
        return row

    def _convert_typed(self, annotation: Typed, item: BlockItem) -> str | None:
        box = annotation.bbox
        if not self._takes_plain_boxes or not box or not annotation.type:
            return None
        x, y, w, h = box
        width, height = item.size
        if x + w > width or y + h > height:
            return None
        numbers = f"{(x + w / 2) / width:.7f} {(y + h / 2) / height:.7f} {w / width:.7f} {h / height:.7f}"
        if "0 " in numbers or numbers.endswith("0"):
            texts = [text.rstrip("0").rstrip(".") or "0" for text in numbers.split(" ")]
            if texts[2] == "0" or texts[3] == "0":
                return None
            numbers = " ".join(texts)
        row = f"{self._indexes[annotation.category]} {numbers}\n"
        if row in self._item_rows:
            return None
        self._item_rows.add(row)
        if annotation.segmentation:
            self._notes.append(fitting.OUTLINE_REDUCED)
        if annotation.attributes:
            self._notes += self._dropped[tuple(annotation.attributes)]
        return row

    def _detect_row(self, annotation: Annotation, item: BlockItem) -> list[float]:
        box = fitting.fit_box(annotation, item.size, self._notes)
        fitting.note_reduction_to_box(annotation, self._notes)
        return _centered(box, item.size)

    def _segment_row(self, annotation: Annotation, item: BlockItem) -> list[float]:
        segmentation = annotation.get("segmentation")
        if annotation.get("keypoints"):
            self._notes.append((LossCode.GEOMETRY_REDUCED, "the keypoints are not kept"))
        if isinstance(segmentation, dict):
            parts = mask_outlines(fitting.fit_mask(segmentation, item.size)[1], item.size)
            self._notes.append((LossCode.GEOMETRY_REDUCED, "the mask became the outline around it; holes are filled"))
        else:
            outline = fitting.fit_outline(annotation, item.size, self._notes)
            assert isinstance(outline, list)
            parts = outline
            if not segmentation:
                self.report.conversions["bbox_to_polygon"] += 1
        if sum(geometry.polygon_area(part) for part in parts) <= 0:
            raise UnfitError(LossCode.ZERO_AREA, "the polygon has no area")
        if len(parts) > 1:
            self._notes.append((LossCode.GEOMETRY_REDUCED, f"{len(parts)} parts were joined into one outline"))
            return _relative(geometry.join_parts(parts), item.size)
        return _relative(parts[0], item.size)

    def _pose_row(self, annotation: Annotation, item: BlockItem) -> list[float]:
        if self.is_spread and not self._keypoint_count:
            raise NeedsOrderError("the first annotation with keypoints decides how many there are")
        box = fitting.fit_box(annotation, item.size, self._notes)
        points = annotation.get("keypoints") or ()
        self._keypoint_count = self._keypoint_count or len(points) // 3
        own = self._keypoint_count if not points else min(len(points) // 3, self._keypoint_count)
        triples = fitting.fit_keypoints(annotation, own, item.size, self._notes)
        triples += [0] * (3 * self._keypoint_count - len(triples))
        without = {key: value for key, value in annotation.items() if key != "keypoints"}
        fitting.note_reduction_to_box(without, self._notes)
        values = _centered(box, item.size)
        for i in range(0, len(triples), 3):
            values += [triples[i] / item.width, triples[i + 1] / item.height, triples[i + 2]]
        return values

    def _obb_row(self, annotation: Annotation, item: BlockItem) -> list[float]:
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, dict) or annotation.get("keypoints"):
            fitting.note_reduction_to_box(annotation, self._notes)
            return _relative(geometry.box_polygon(fitting.fit_box(annotation, item.size, self._notes)), item.size)
        parts = fitting.fit_outline(annotation, item.size, self._notes)
        assert isinstance(parts, list)
        corners = parts[0]
        if segmentation and (len(parts) > 1 or len(corners) != 8 or geometry.corners_rotated(corners) is None):
            points = [value for part in parts for value in part]
            corners = geometry.clamp_points(geometry.smallest_rectangle(points), *item.size)
            self._notes.append((LossCode.GEOMETRY_REDUCED, "the polygon became the smallest turned box around it"))
        if geometry.polygon_area(corners) <= 0:
            raise UnfitError(LossCode.ZERO_AREA, "the turned box has no area")
        return _relative(corners, item.size)

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        self._item_rows.clear()
        split = item.split or UNSPLIT
        self._seen[split] = None
        stem, _ = split_suffix(item.name)
        self._whole_files.append((f"labels/{split}/{stem}.txt", "".join(rows).encode("ascii")))

    def _take(self) -> list[Lane]:
        taken, self._seen = self._seen, {}
        return [Lane(split) for split in taken]

    def _append(self, lane: Lane) -> None:
        self._open_split(lane.split or UNSPLIT)

    def _open_split(self, name: str) -> None:
        """Folders for a split's labels and its images."""
        if name not in self._splits:
            self._splits.add(name)
            self.sink.make_folder(f"labels/{name}")
            self.sink.make_folder(f"images/{name}")

    def _finish(self) -> None:
        import yaml

        if not self._splits:
            # A data set without images is one all the same: the folders that its description names are there.
            self._open_split(UNSPLIT)
        name = safe_name(self.options.yaml_name, "data.yaml")
        text = yaml.safe_dump(self._description(), sort_keys=False, allow_unicode=True, default_flow_style=None)
        self.sink.write(name, text.encode())

    def _description(self) -> dict[str, Any]:
        splits = self._splits
        first = f"images/{UNSPLIT if UNSPLIT in splits else min(splits)}"
        description: dict[str, Any] = {
            "train": first,
            "val": "images/val" if "val" in splits else first,
        }
        description |= {split: f"images/{split}" for split in sorted(splits)}
        if self.options.task is YoloTask.POSE and self._keypoint_count:
            description["kpt_shape"] = [self._keypoint_count, 3]
        description["task"] = self.options.task.value
        description["nc"] = len(self.classes.names)
        description["names"] = dict(enumerate(self.classes.names))
        return description


def number_text(value: float) -> str:
    """Seven digits: 0.01 px are kept in images of up to 100,000 px."""
    return f"{value:.7f}".rstrip("0").rstrip(".") or "0"


def _centered(box: geometry.Box, size: tuple[int, int]) -> list[float]:
    x, y, w, h = box
    if "0" in (number_text(w / size[0]), number_text(h / size[1])):
        raise UnfitError(LossCode.TOO_SMALL, f"a box of {w:g} x {h:g} px vanishes in seven digits")
    return [(x + w / 2) / size[0], (y + h / 2) / size[1], w / size[0], h / size[1]]


def _relative(points: Sequence[float], size: tuple[int, int]) -> list[float]:
    return [value / size[i % 2] for i, value in enumerate(points)]
