"""The DM layout on disk: `json/` and `original_files/`, perhaps once for each of `train`, `valid` and `test`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapse_sdk.utils.converters.dm.records import dm_to_data
from synapse_sdk.utils.converters.dm.versions import DMv1ToV2Converter
from synapse_sdk.utils.converters.reading import ImageFinder, read_image_size

SPLIT_FOLDERS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}
_IMAGE_FOLDERS = ("original_files", "origin_files")


@dataclass(frozen=True, slots=True)
class DMItem:
    """One record with its image."""

    name: str
    image: Path
    size: tuple[int, int]
    data: dict[str, Any]

    def to_export_item(self, number: int) -> dict[str, Any]:
        """The item as an exporter gets it."""
        unit = {"id": number, "name": self.name, "width": self.size[0], "height": self.size[1]}
        return {"id": number, "data": self.data, "data_unit": unit, "tags": []}


def read_record(record: dict[str, Any]) -> dict[str, Any]:
    """Annotation data of a record of either version.

    Raises:
        ValueError: It is none.
    """
    return dm_to_data(DMv1ToV2Converter().convert(record) if "annotations" in record else record)


def split_folders(root: Path) -> dict[str, Path]:
    """The folders of the splits that there are.

    Raises:
        FileNotFoundError: There is none.
    """
    found = {split: root / name for split, names in SPLIT_FOLDERS.items() for name in names if (root / name).is_dir()}
    if not found:
        raise FileNotFoundError(f"{root} has no train, valid or test folder. Without splits: is_categorized=False.")
    return found


def read_folder(root: Path) -> Iterator[DMItem]:
    """Yield the records of a folder in order of name.

    Raises:
        FileNotFoundError: A folder or a record's image is missing.
        ValueError: A record is none, or its image cannot be read.
    """
    images = next((root / name for name in _IMAGE_FOLDERS if (root / name).is_dir()), None)
    if images is None or not (root / "json").is_dir():
        raise FileNotFoundError(f"{root} needs the folders json and original_files.")
    finder = ImageFinder([images])
    for file in sorted((root / "json").glob("*.json")):
        image = finder.find_stem(file.stem)
        if image is None:
            raise FileNotFoundError(f"There is no image for {file.name} in {images.name}.")
        try:
            data = read_record(json.loads(file.read_bytes()))
        except ValueError as exc:
            raise ValueError(f"{file.name}: {exc}") from exc
        yield DMItem(image.name, image, read_image_size(image), data)
