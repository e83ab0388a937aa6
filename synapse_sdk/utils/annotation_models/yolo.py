"""YOLO detection as objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml


@dataclass(frozen=True, slots=True)
class YOLOAnnotation:
    """One row of a label file; values relative to the image."""

    class_id: int
    x_center: float
    y_center: float
    width: float
    height: float

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read a row.

        Raises:
            ValueError: It has not five numbers.
        """
        texts = line.split()
        if len(texts) != 5:
            raise ValueError(f"{line!r} is no detection row: it has {len(texts)} columns, not 5.")
        return cls(int(texts[0]), *map(float, texts[1:]))

    def to_line(self) -> str:
        """The row as text."""
        return f"{self.class_id} {self.x_center:.7g} {self.y_center:.7g} {self.width:.7g} {self.height:.7g}"

    def to_absolute_coords(self, image_width: int, image_height: int) -> tuple[float, float, float, float]:
        """`(x_min, y_min, x_max, y_max)` in pixels of an image of that size."""
        left, top = self.x_center - self.width / 2, self.y_center - self.height / 2
        right, bottom = self.x_center + self.width / 2, self.y_center + self.height / 2
        return left * image_width, top * image_height, right * image_width, bottom * image_height


@dataclass(slots=True)
class YOLODatasetConfig:
    """`dataset.yaml`."""

    names: list[str]
    nc: int | None = None
    train: str = "images/train"
    val: str = "images/val"
    test: str | None = None

    def __post_init__(self) -> None:
        if self.nc is None:
            self.nc = len(self.names)

    def to_yaml(self) -> str:
        """The file's text."""
        content: dict[str, Any] = {"train": self.train, "val": self.val}
        content |= {"test": self.test} if self.test else {}
        return yaml.safe_dump(content | {"nc": self.nc, "names": self.names}, sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read the file's text.

        Raises:
            ValueError: It is no mapping with `names`.
        """
        content = yaml.safe_load(text)
        if not isinstance(content, dict) or not content.get("names"):
            raise ValueError("A YOLO description must be a mapping with `names`.")
        names = content["names"]
        listed = [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)
        splits = {key: content[key] for key in ("train", "val", "test") if content.get(key)}
        return cls([str(name) for name in listed], content.get("nc"), **splits)


@dataclass(slots=True)
class YOLODataset:
    """A described set of label files.

    Attributes:
        annotations: Rows by name of the image.
    """

    config: YOLODatasetConfig
    annotations: dict[str, list[YOLOAnnotation]] = field(default_factory=dict)

    @classmethod
    def from_labels(cls, config: YOLODatasetConfig, labels: dict[str, Path]) -> Self:
        """Read label files, given by name of their image."""
        rows = {name: path.read_text(encoding="utf-8").splitlines() for name, path in labels.items()}
        return cls(config, {name: [YOLOAnnotation.from_line(line) for line in lines] for name, lines in rows.items()})
