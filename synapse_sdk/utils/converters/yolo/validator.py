"""Checks a YOLO data set against what trainers accept."""

from __future__ import annotations

from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.compact import HashSet
from synapse_sdk.utils.converters.formats import Format, YoloTask
from synapse_sdk.utils.converters.records import UnfitError, ValidationReport
from synapse_sdk.utils.converters.validation import count_split, folder_has_files, walk_files
from synapse_sdk.utils.converters.yolo.description import YoloDescription, read_description
from synapse_sdk.utils.converters.yolo.reader import label_of
from synapse_sdk.utils.converters.yolo.rows import fits_task, parse_row


def validate_yolo(path: Path) -> ValidationReport:
    """Check the description, every label file, and that images and label files pair where there are images."""
    report = ValidationReport(Format.YOLO, counts={"images": 0, "annotations": 0, "classes": 0, "splits": {}})
    try:
        description = read_description(path)
    except FormatError as exc:
        report.error("bad_description", str(exc), path=path)
        return report
    report.counts["classes"] = len(description.names)
    if len(set(description.names)) < len(description.names):
        report.error("duplicate_name", "a class name is there twice", path=description.file)
    if description.task is YoloTask.POSE and description.keypoint_shape is None:
        report.error("bad_description", "a pose data set needs `kpt_shape`", path=description.file)
    check = _Check(report, description)
    for split, places in description.splits.items():
        for place in places:
            check.folder(place, split)
    return report


class _Check:
    def __init__(self, report: ValidationReport, description: YoloDescription) -> None:
        self._report = report
        self._description = description
        self._task = description.task

    def folder(self, place: Path, split: str) -> None:
        labels = label_of(place / "_").parent
        if not place.is_dir() or labels == place:
            self._report.error(
                "bad_layout", f"{place.name} is no folder below `images` with one below `labels`", path=place
            )
            return
        stems, files, rows = HashSet(), 0, 0
        for label in walk_files(labels):
            if label.suffix != ".txt":
                continue
            files += 1
            stems.add(label.relative_to(labels).with_suffix("").as_posix())
            rows += self._label(label)
        count_split(self._report, split, files, rows)
        if folder_has_files(place):
            self._pair(place, stems)

    def _pair(self, place: Path, stems: HashSet) -> None:
        images = HashSet()
        for image in walk_files(place):
            stem = image.relative_to(place).with_suffix("").as_posix()
            if stem not in stems:
                self._report.error("label_missing", f"there is no label file for {image.name}", path=image)
            if not images.add(stem):
                self._report.error("duplicate_file_name", f"two images share the label file {stem}.txt", path=image)
        if len(images) < len(stems):
            self._report.error("image_missing", f"{len(stems) - len(images)} label files have no image", path=place)

    def _label(self, label: Path) -> int:
        try:
            lines = label.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            self._report.error("unreadable", "the label file is no plain text", path=label)
            return 0
        if len(set(lines)) < len(lines):
            self._report.error("duplicate_row", "a row is there twice", path=label)
        for number, line in enumerate(lines, 1):
            if problem := self._row_problem(line):
                self._report.error(*problem, path=label, line=number)
        return len(lines)

    def _row_problem(self, line: str) -> tuple[str, str] | None:
        if not line.strip():
            return "empty_row", "the row is empty"
        try:
            number, values = parse_row(line)
        except UnfitError as exc:
            return "bad_row", str(exc)
        if number >= len(self._description.names):
            return "bad_class", f"the class {number} is not below {len(self._description.names)}"
        if self._task is None:
            # The first row decides: what matters is that no other kind follows.
            self._task = YoloTask.DETECT if len(values) == 4 else YoloTask.SEGMENT
        if not fits_task(len(values), self._task, self._description.keypoint_shape):
            return "mixed_rows", f"a row of {len(values) + 1} columns is none of {self._task}"
        return self._value_problem(values)

    def _value_problem(self, values: list[float]) -> tuple[str, str] | None:
        shape = self._description.keypoint_shape
        if shape and shape[1] == 3:
            if any(v not in (0, 1, 2) for v in values[6::3]):
                return "bad_keypoints", "a keypoint's visibility is none of 0, 1, 2"
            values = [*values[:4], *values[4::3], *values[5::3]]
        if min(values) < 0 or max(values) > 1:
            return "out_of_range", "a value is not in [0, 1]"
        if self._task in (YoloTask.DETECT, YoloTask.POSE) and (values[2] <= 0 or values[3] <= 0):
            return "bad_box", "the box has no area"
        return None
