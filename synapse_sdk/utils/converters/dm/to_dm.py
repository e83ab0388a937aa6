"""From COCO, Pascal VOC and YOLO to DM records, over the same readers as every import."""

from __future__ import annotations

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, ClassVar

import yaml

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.dm.folders import SPLIT_FOLDERS, split_folders
from synapse_sdk.utils.converters.dm.from_dm import path_of
from synapse_sdk.utils.converters.dm.records import data_to_dm
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.names import NameAllocator, split_suffix
from synapse_sdk.utils.converters.records import BadFile, SourceItem
from synapse_sdk.utils.converters.registry import read_dataset

DMFiles = dict[str, tuple[dict[str, Any], str]]


class ToDMConverter(ABC):
    """What the three converters share.

    Args:
        root_dir: The data set's folder; None for single files.
        is_categorized: Whether the result is by split: a folder each, or the splits that the format names.
        is_single_conversion: Whether `convert_single_file` will be called instead of `convert`.
    """

    format: ClassVar[Format]

    def __init__(
        self, root_dir: str | Path | None = None, is_categorized: bool = False, *, is_single_conversion: bool = False  # noqa: FBT001, FBT002 - the documented signature.
    ) -> None:  # fmt: skip
        if root_dir is None and not is_single_conversion:
            raise ValueError("Give root_dir, or is_single_conversion=True to convert single files.")
        if root_dir is not None and not Path(root_dir).exists():
            raise FileNotFoundError(f"{root_dir} does not exist.")
        self.root_dir = Path(root_dir) if root_dir is not None else None
        self.is_categorized = is_categorized
        self.problems: list[BadFile] = []

    def convert(self) -> DMFiles | dict[str, DMFiles]:
        """`{file name: (record, image path)}`, by split when categorized; what was bad is in `problems`.

        Raises:
            ValueError: There is no data set of the format.
        """
        if self.root_dir is None:
            raise ValueError("This converter was made for single files: call convert_single_file.")
        if not self.is_categorized:
            return self._files(self._read(self.root_dir))
        try:
            folders = split_folders(self.root_dir)
            return {split: self._files(self._read(folder)) for split, folder in folders.items()}
        except (FileNotFoundError, FormatError):
            found = self._read(self.root_dir)
            by_split = {
                split: [item for item in found if item.split in names] for split, names in SPLIT_FOLDERS.items()
            }
            return {split: self._files(items) for split, items in by_split.items() if items}

    def save_to_folder(self, output_dir: str | Path) -> None:
        """Write `json/` and `original_files/`, below a folder per split when categorized.

        Raises:
            ValueError: There is no data set of the format.
        """
        converted: dict[str, Any] = dict(self.convert())
        for split, files in (converted if self.is_categorized else {"": converted}).items():
            target = Path(output_dir) / split
            for folder in ("json", "original_files"):
                (target / folder).mkdir(parents=True, exist_ok=True)
            for name, (record, image) in files.items():
                text = json.dumps(record, ensure_ascii=False)
                (target / "json" / f"{split_suffix(name)[0]}.json").write_text(text, encoding="utf-8")
                shutil.copyfile(image, target / "original_files" / name)

    def convert_single_file(
        self, data: Any, original_file: str | Path | IO[Any], original_image_name: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """One annotation of the format, as `{"dm_json", "image_path", "image_name"}`.

        Args:
            data: What the format has for one image: a COCO mapping, XML text, or YOLO rows.
            original_file: The image, by path or open.
            original_image_name: Name to use instead of the file's own.
            more: `class_names` for YOLO.

        Raises:
            ValueError: The data is not of the format.
        """
        image = path_of(original_file)
        name = original_image_name or image.name
        with tempfile.TemporaryDirectory() as folder:
            root = self._stage(Path(folder), data, (image, name), **more)
            found = self._read(root)
        if not found:
            reasons = "; ".join(problem.message for problem in self.problems)
            raise ValueError(f"There is nothing about {name} in the data. {reasons}")
        return {"dm_json": data_to_dm(found[0].data), "image_path": str(image), "image_name": name}

    @abstractmethod
    def _stage(self, folder: Path, data: Any, image: tuple[Path, str], **more: Any) -> Path:
        """Lay the data out as a data set of one image; give its place."""

    def _read(self, root: Path) -> list[SourceItem]:
        found: list[SourceItem] = []
        for entry in read_dataset(self.format, root):
            if isinstance(entry, BadFile):
                self.problems.append(entry)
            elif entry.image_path is not None:
                found.append(entry)
        return found

    def _files(self, found: list[SourceItem]) -> DMFiles:
        names = NameAllocator()
        return {names.allocate(item.name): (data_to_dm(item.data), str(item.image_path)) for item in found}


class COCOToDMConverter(ToDMConverter):
    """COCO to DM."""

    format: ClassVar[Format] = Format.COCO

    def _stage(self, folder: Path, data: Any, image: tuple[Path, str], **more: Any) -> Path:  # noqa: ARG002 - needs no more.
        path, name = image
        entries = data.get("images") or []
        chosen = [entry for entry in entries if entry.get("file_name") in (name, path.name)] or entries[:1]
        shutil.copyfile(path, folder / "image")
        content = data | {"images": [entry | {"file_name": "image"} for entry in chosen[:1]]}
        (folder / "annotations.json").write_text(json.dumps(content), encoding="utf-8")
        return folder / "annotations.json"


class PascalToDMConverter(ToDMConverter):
    """Pascal VOC to DM."""

    format: ClassVar[Format] = Format.VOC

    def _stage(self, folder: Path, data: Any, image: tuple[Path, str], **more: Any) -> Path:  # noqa: ARG002 - needs no more.
        (folder / "Annotations").mkdir()
        (folder / "JPEGImages").mkdir()
        text = data if isinstance(data, bytes) else str(data).encode()
        (folder / "Annotations/image.xml").write_bytes(text)
        shutil.copyfile(image[0], folder / f"JPEGImages/image{image[0].suffix or '.jpg'}")
        return folder


class YOLOToDMConverter(ToDMConverter):
    """YOLO to DM; a single file needs `class_names`."""

    format: ClassVar[Format] = Format.YOLO

    def _stage(self, folder: Path, data: Any, image: tuple[Path, str], **more: Any) -> Path:
        rows = data.splitlines() if isinstance(data, str) else list(data)
        names = more.get("class_names")
        if not names:
            raise ValueError("YOLO rows have numbers only: give class_names.")
        for kind in ("images", "labels"):
            (folder / kind).mkdir()
        shutil.copyfile(image[0], folder / f"images/image{image[0].suffix or '.jpg'}")
        (folder / "labels/image.txt").write_text("\n".join(rows), encoding="utf-8")
        description = {"train": "images", "names": list(names)}
        (folder / "dataset.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
        return folder
