"""Reads YOLO data sets: boxes, polygons, keypoints and turned boxes, told apart by the description and the rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from synapse_sdk.utils.converters.compact import HashSet
from synapse_sdk.utils.converters.formats import YoloTask
from synapse_sdk.utils.converters.losses import LossCode
from synapse_sdk.utils.converters.reading import SUFFIXES, Problems, item_data, settle_size, sound_box
from synapse_sdk.utils.converters.records import BadFile, SourceItem, UnfitError
from synapse_sdk.utils.converters.shapes.fitting import Notes, fit_keypoints, fit_parts
from synapse_sdk.utils.converters.validation import walk_files
from synapse_sdk.utils.converters.yolo.description import YoloDescription, read_description
from synapse_sdk.utils.converters.yolo.rows import parse_row, row_annotation

_PROBED_FILES = 200
_Context = tuple[YoloDescription, YoloTask | None]


def read_yolo(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield every image of every split in order of name; one without a label file has no objects.

    Args:
        path: `data.yaml`, `dataset.yaml`, or the folder that holds it.
        images: The data set's root, when it is not the folder of that file.

    Raises:
        FormatError: The description is missing or makes no sense.
    """
    description = read_description(path, images)
    task = description.task or _probe_task(description)
    for split, places in description.splits.items():
        for place in places:
            for found in list_images(place, description.root):
                if isinstance(found, BadFile):
                    yield found
                else:
                    yield from _read_image(found, split, (description, task))
            yield from _orphan_labels(place)


def label_of(image: Path) -> Path:
    """The label file of an image: `labels` for the last `images` in its path, else beside it."""
    parts = list(image.parts)
    for i in range(len(parts) - 2, 0, -1):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def list_images(place: Path, root: Path) -> Iterator[Path | BadFile]:
    """The images of a folder in order of name, or those that a text file lists."""
    if place.is_dir():
        yield from sorted(file for file in walk_files(place) if file.suffix.lower() in SUFFIXES)
        return
    with place.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            if name := line.strip():
                yield _listed(name, place, root) or BadFile(place, number, f"there is no image {name}", "image_missing")


def _listed(name: str, place: Path, root: Path) -> Path | None:
    if "\x00" in name:
        return None
    candidates = (Path(os.path.normpath(folder / name)) for folder in (place.parent, root))
    return next((path for path in candidates if path.is_relative_to(root) and path.is_file()), None)


def _orphan_labels(place: Path) -> Iterator[BadFile]:
    """Label files whose image is missing."""
    labels = label_of(place / "_").parent
    if not place.is_dir() or labels == place or not labels.is_dir():
        return
    stems = HashSet()
    for image in walk_files(place):
        stems.add(image.relative_to(place).with_suffix("").as_posix())
    for label in sorted(walk_files(labels)):
        if label.suffix == ".txt" and label.relative_to(labels).with_suffix("").as_posix() not in stems:
            yield BadFile(label, None, f"there is no image for {label.name}", "image_missing")


def _probe_task(description: YoloDescription) -> YoloTask | None:
    """Turned boxes and polygons of four points look alike: nine columns everywhere mean turned boxes."""
    seen = False
    for places in description.splits.values():
        for place in places:
            labels = walk_files(label_of(place / "_").parent) if place.is_dir() else iter(())
            for label in islice((file for file in labels if file.suffix == ".txt"), _PROBED_FILES):
                columns = {len(line.split()) for line in label.read_text(errors="replace").splitlines() if line.strip()}
                if columns - {9}:
                    return None
                seen = seen or bool(columns)
    return YoloTask.OBB if seen else None


def _read_image(
    image: Path, split: str, context: _Context
) -> Iterator[SourceItem | BadFile]:  # fmt: skip
    root = context[0].root
    problems = Problems(image)
    size = settle_size(image, None, problems)
    yield from problems.drain()
    if size is None:
        return
    label = label_of(image)
    problems = Problems(label)
    annotations: list[dict[str, Any]] = []
    if label.is_file():
        annotations = _read_label(label, size, context, problems)
    yield from problems.drain()
    key = image.relative_to(root).as_posix() if image.is_relative_to(root) else f"{split}/{image.name}"
    yield SourceItem(key, image.name, image, *size, item_data(annotations), split)


def _read_label(
    label: Path, size: tuple[int, int], context: _Context, problems: Problems
) -> list[dict[str, Any]]:  # fmt: skip
    annotations: list[dict[str, Any]] = []
    seen: set[str] = set()
    try:
        lines = label.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        problems.add("unreadable", "the label file cannot be read as text")
        return annotations
    for number, line in enumerate(lines, 1):
        row = " ".join(line.split())
        if not row:
            continue
        if row in seen:
            problems.add("duplicate_row", "the row is there twice; it is read once", number)
            continue
        seen.add(row)
        try:
            annotation, notes = _read_row(row, size, context)
        except UnfitError as exc:
            problems.add(exc.code.value, str(exc), number)
            continue
        for code, message in notes:
            problems.add(code.value, message, number)
        annotations.append({"id": len(annotations) + 1, **annotation})
    return annotations


def _read_row(
    row: str, size: tuple[int, int], context: _Context
) -> tuple[dict[str, Any], Notes]:  # fmt: skip
    description, task = context
    number, values = parse_row(row)
    if number >= len(description.names):
        raise UnfitError(LossCode.UNKNOWN_CLASS, f"the class {number} is not below {len(description.names)}")
    annotation = row_annotation(values, task, description.keypoint_shape, size)
    annotation["category"] = description.names[number]
    notes: Notes = []
    if "segmentation" in annotation:
        annotation["segmentation"] = fit_parts(annotation["segmentation"], size, notes)
    elif "rotation" not in annotation:
        annotation["bbox"], cut = sound_box(annotation["bbox"], size)
        if cut:
            notes.append((LossCode.CLIPPED, cut))
    if "keypoints" in annotation:
        annotation["keypoints"] = fit_keypoints(annotation, len(annotation["keypoints"]) // 3, size, notes)
    return annotation, notes
