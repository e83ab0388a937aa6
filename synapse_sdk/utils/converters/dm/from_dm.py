"""From DM folders and records to COCO, Pascal VOC and YOLO, over the same writers as every export."""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

from synapse_sdk.utils.annotation_models import COCODataset, PascalAnnotation, YOLODataset, YOLODatasetConfig
from synapse_sdk.utils.converters.dm.folders import DMItem, read_folder, read_record, split_folders
from synapse_sdk.utils.converters.formats import CocoOptions, CocoTask, Format, WriterOptions, YoloOptions
from synapse_sdk.utils.converters.names import NameAllocator
from synapse_sdk.utils.converters.reading import read_image_size
from synapse_sdk.utils.converters.records import WriterReport, annotations_of
from synapse_sdk.utils.converters.registry import create_writer
from synapse_sdk.wire.annotations import ClassDefinition, ClassSchema


class FromDMConverter(ABC):
    """What the three converters share.

    Args:
        root_dir: Folder with `json/` and `original_files/`; None for single files.
        is_categorized: Whether the root has such a pair in each of `train`, `valid` and `test`.
        is_single_conversion: Whether `convert_single_file` will be called instead of `convert`.
    """

    format: ClassVar[Format]
    options: WriterOptions | None = None

    def __init__(
        self, root_dir: str | Path | None = None, is_categorized: bool = False, *, is_single_conversion: bool = False  # noqa: FBT001, FBT002 - the documented signature.
    ) -> None:  # fmt: skip
        if root_dir is None and not is_single_conversion:
            raise ValueError("Give root_dir, or is_single_conversion=True to convert single files.")
        if root_dir is not None and not Path(root_dir).is_dir():
            raise FileNotFoundError(f"{root_dir} is no folder.")
        self.root_dir = Path(root_dir) if root_dir is not None else None
        self.is_categorized = is_categorized
        self.reports: dict[str, WriterReport] = {}

    def convert(self) -> Any:
        """The converted data set in memory; by split when it is categorized.

        Raises:
            FileNotFoundError: A folder or an image is missing.
            ValueError: A record is none.
        """
        classes = self._classes()
        converted = {}
        for split, folder in self._folders().items():
            with self._written(read_folder(folder), classes, split) as (target, items):
                converted[split] = self._load(target, items)
        return converted if self.is_categorized else converted[""]

    def save_to_folder(self, output_dir: str | Path) -> None:
        """Write the data set with its images; what could not be carried is in `reports`.

        Raises:
            FileNotFoundError: A folder or an image is missing.
            ValueError: A record is none.
        """
        classes = self._classes()
        for split, folder in self._folders().items():
            target = Path(output_dir) / split if split else Path(output_dir)
            self._write(target, read_folder(folder), classes, split=split, has_images=True)

    def convert_single_file(
        self, data: dict[str, Any], original_file: str | Path | IO[Any], original_image_name: str | None = None
    ) -> dict[str, Any]:
        """One record; its image is needed for the size.

        Raises:
            ValueError: The record is none, or the image cannot be read.
        """
        image = path_of(original_file)
        found = DMItem(original_image_name or image.name, image, read_image_size(image), read_record(data))
        classes = class_schema([found])
        with self._written(iter([found]), classes, "") as (target, items):
            return {**self._single(self._load(target, items)), "image_path": str(image), "image_name": found.name}

    @abstractmethod
    def _load(self, folder: Path, items: dict[str, Path]) -> Any:
        """What was written, as objects; `items` are images by their name in the output."""

    @abstractmethod
    def _single(self, loaded: Any) -> dict[str, Any]: ...

    def _folders(self) -> dict[str, Path]:
        if self.root_dir is None:
            raise ValueError("This converter was made for single files: call convert_single_file.")
        return split_folders(self.root_dir) if self.is_categorized else {"": self.root_dir}

    def _classes(self) -> ClassSchema:
        return class_schema(found for folder in self._folders().values() for found in read_folder(folder))

    @contextmanager
    def _written(
        self, found: Iterator[DMItem], classes: ClassSchema, split: str
    ) -> Iterator[tuple[Path, dict[str, Path]]]:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder), self._write(Path(folder), found, classes, split=split, has_images=False)

    def _write(
        self, target: Path, found: Iterator[DMItem], classes: ClassSchema, *, split: str, has_images: bool
    ) -> dict[str, Path]:
        names, items = NameAllocator(), {}
        with create_writer(self.format, target, classes=classes, options=self.options) as writer:
            for number, entry in enumerate(found, 1):
                name = names.allocate(entry.name)
                writer.write(entry.to_export_item(number), name)
                items[name] = entry.image
                if has_images:
                    place = target / writer.image_path(name)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(entry.image, place)
        self.reports[split] = writer.report
        return items


class FromDMToCOCOConverter(FromDMConverter):
    """DM to COCO.

    Args:
        info: The `info` section of the result.
        licenses: The `licenses` section of the result.
    """

    format: ClassVar[Format] = Format.COCO
    options = CocoOptions(task=CocoTask.DETECTION)

    def __init__(
        self, root_dir: str | Path | None = None, is_categorized: bool = False,  # noqa: FBT001, FBT002 - the documented signature.
        info: dict[str, Any] | None = None, licenses: list[dict[str, Any]] | None = None, *,
        is_single_conversion: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root_dir, is_categorized, is_single_conversion=is_single_conversion)
        self._head = ({"info": info} if info else {}) | ({"licenses": licenses} if licenses else {})

    def _load(self, folder: Path, items: dict[str, Path]) -> COCODataset:  # noqa: ARG002 - COCO names its images.
        loaded = COCODataset.from_file(folder / "annotations.json")
        return COCODataset.model_validate(loaded.to_dict() | self._head)

    def _single(self, loaded: COCODataset) -> dict[str, Any]:
        return {"coco_json": loaded.to_dict()}


class FromDMToPascalConverter(FromDMConverter):
    """DM to Pascal VOC; `convert` gives `(annotation, xml_name, image_path, image_name)` per image."""

    format: ClassVar[Format] = Format.VOC

    def _load(self, folder: Path, items: dict[str, Path]) -> list[tuple[PascalAnnotation, str, str, str]]:
        loaded = []
        for name, image in items.items():
            xml = folder / "Annotations" / f"{Path(name).stem}.xml"
            loaded.append((PascalAnnotation.from_file(xml), xml.name, str(image), name))
        return loaded

    def _single(self, loaded: list[tuple[PascalAnnotation, str, str, str]]) -> dict[str, Any]:
        annotation, xml_name, _, _ = loaded[0]
        return {"pascal_xml": annotation.to_xml(), "xml_name": xml_name}


class FromDMToYOLOConverter(FromDMConverter):
    """DM to YOLO detection."""

    format: ClassVar[Format] = Format.YOLO
    options = YoloOptions(yaml_name="dataset.yaml")

    def _load(self, folder: Path, items: dict[str, Path]) -> YOLODataset:
        config = YOLODatasetConfig.from_yaml((folder / "dataset.yaml").read_text(encoding="utf-8"))
        labels = {name: folder / "labels/train" / f"{Path(name).stem}.txt" for name in items}
        return YOLODataset.from_labels(config, labels)

    def _single(self, loaded: YOLODataset) -> dict[str, Any]:
        rows = next(iter(loaded.annotations.values()))
        return {"label_lines": [row.to_line() for row in rows], "class_names": loaded.config.names}


def class_schema(found: Any) -> ClassSchema:
    """Classes in order of first use, with the keypoints that they need."""
    counts: dict[str, int] = {}
    for entry in found:
        for annotation in annotations_of({"data": entry.data}):
            points = len(annotation.get("keypoints") or ()) // 3
            counts[annotation["category"]] = max(counts.get(annotation["category"], 0), points)
    classes = [
        ClassDefinition(id=i, name=name, keypoints=[f"point_{p}" for p in range(1, count + 1)] or None)
        for i, (name, count) in enumerate(((n, c) for n, c in counts.items() if n), 1)
    ]
    return ClassSchema(classes=classes)


def path_of(file: str | Path | IO[Any]) -> Path:
    """The path of a file that is given by path or open."""
    return Path(file if isinstance(file, str | Path) else file.name)
