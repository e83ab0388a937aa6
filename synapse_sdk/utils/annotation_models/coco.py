"""COCO as objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class _Record(BaseModel):
    model_config = ConfigDict(extra="allow")


class COCOInfo(_Record):
    """The `info` section."""

    description: str = ""
    version: str = ""
    year: int | None = None
    contributor: str = ""
    url: str = ""
    date_created: str = ""


class COCOLicense(_Record):
    """One license that images refer to."""

    id: int
    name: str = ""
    url: str = ""


class COCOImage(_Record):
    """One image; its size in pixels."""

    id: int
    file_name: str
    width: int | None = None
    height: int | None = None


class COCOAnnotation(_Record):
    """One object; `bbox` is `[x, y, width, height]` in pixels."""

    id: int
    image_id: int
    category_id: int
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: int = 0
    segmentation: list[list[float]] | dict[str, Any] | None = None
    keypoints: list[float] | None = None
    num_keypoints: int | None = None


class COCOCategory(_Record):
    """One class."""

    id: int
    name: str
    supercategory: str = ""
    keypoints: list[str] | None = None
    skeleton: list[list[int]] | None = None


class COCODataset(_Record):
    """A whole COCO file in memory."""

    info: COCOInfo = COCOInfo()
    licenses: list[COCOLicense] = []
    images: list[COCOImage] = []
    annotations: list[COCOAnnotation] = []
    categories: list[COCOCategory] = []

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a file.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It is no COCO.
        """
        return cls.from_json(Path(path).read_bytes())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read JSON text.

        Raises:
            ValueError: It is no COCO.
        """
        return cls.model_validate_json(text)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without what is not set."""
        return self.model_dump(exclude_none=True)

    def to_json(self) -> str:
        """JSON text, without what is not set."""
        return self.model_dump_json(exclude_none=True)

    def to_file(self, path: str | Path) -> None:
        """Write the JSON text to a file."""
        Path(path).write_text(self.to_json(), encoding="utf-8")

    def get_image_by_id(self, image_id: int) -> COCOImage | None:
        return next((image for image in self.images if image.id == image_id), None)

    def get_image_by_file_name(self, file_name: str) -> COCOImage | None:
        return next((image for image in self.images if image.file_name == file_name), None)

    def get_category_by_id(self, category_id: int) -> COCOCategory | None:
        return next((category for category in self.categories if category.id == category_id), None)

    def get_category_by_name(self, name: str) -> COCOCategory | None:
        return next((category for category in self.categories if category.name == name), None)

    def get_annotations_by_image_id(self, image_id: int) -> list[COCOAnnotation]:
        return [annotation for annotation in self.annotations if annotation.image_id == image_id]

    def get_annotations_by_category_id(self, category_id: int) -> list[COCOAnnotation]:
        return [annotation for annotation in self.annotations if annotation.category_id == category_id]
