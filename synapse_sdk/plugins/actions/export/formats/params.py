"""Parameters of an export into a data set format."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from synapse_sdk.exceptions import FormatError
from synapse_sdk.plugins.actions.export.params import ExportParams
from synapse_sdk.utils.converters import Format, WriterOptions, check_ratios
from synapse_sdk.utils.converters.formats import DEFAULT_OPTIONS

BY_TAG = "tag"


class ImageMode(StrEnum):
    """What becomes of the original images."""

    COPY = "copy"
    LINK = "link"
    NONE = "none"


class FormatExportParams(ExportParams):
    """What to export, into which format, and where to.

    Attributes:
        storage: Id of the storage that the export goes to, unless `out` is given.
        path: Folder inside the storage.
        out: Folder of this machine, in place of a storage.
        format: coco, yolo, voc, csv, jsonl, webdataset or parquet.
        options: The format's own options, such as `{"task": "segment"}` for YOLO.
        images: Copied, left out, or linked: a hard link to the bundle's file where both are on one disk, else a copy.
        shard_items: YOLO and VOC go into tar shards of so many images; 0 for single files. None: from 200,000 items on.
        split: Shares by split name (`{"train": 0.8, "val": 0.2}` or `train=0.8,val=0.2`), or `tag` when the items'
            tags name their split; None keeps the data set in one piece.
        split_seed: Another seed draws another division.
        strict: Fail when an item or an annotation cannot be carried, in place of listing it in the loss report.
        since: `snapshot` of an equal export: only what changed since, and `deletions.jsonl` with the ids that went.
        keep_items: Keep the items as they came (`items.jsonl.gz`), so that a delta can bring the export up to date.
        resume_job: The server's job of an equal export that broke off; its bundle is used and no new job started.
    """

    storage: int | None = None  # type: ignore[assignment] # A folder of this machine is as good a target.
    path: str = ""
    out: Path | None = None
    format: Format
    options: dict[str, Any] = Field(default_factory=dict)
    images: ImageMode = ImageMode.COPY
    shard_items: int | None = Field(default=None, ge=0)
    split: dict[str, float] | Literal["tag"] | None = None
    split_seed: int = 0
    strict: bool = False
    since: str | None = None
    keep_items: bool = False
    resume_job: str | None = None

    @field_validator("split", mode="before")
    @classmethod
    def _parse_split(cls, value: Any) -> Any:
        if not isinstance(value, str) or value in {"", BY_TAG}:
            return value or None
        pairs = (part.partition("=") for part in value.split(","))
        return {name.strip(): share.strip() for name, _, share in pairs}

    @field_validator("split")
    @classmethod
    def _check_split(cls, value: dict[str, float] | str | None) -> dict[str, float] | str | None:
        if isinstance(value, dict):
            try:
                check_ratios(value)
            except FormatError as exc:
                raise PydanticCustomError("invalid_split", "{reason}", {"reason": str(exc)}) from exc
            if any(not name.isidentifier() for name in value):
                raise PydanticCustomError("invalid_split", "names of splits are single words, such as train")
        return value

    @model_validator(mode="after")
    def _check_target(self, info: ValidationInfo) -> Self:  # noqa: ARG002 - pydantic passes it.
        if self.storage is None and self.out is None:
            raise PydanticCustomError("missing_field", "an export needs a target: storage, or out")
        if self.out is None and (self.keep_items or self.since):
            raise PydanticCustomError("missing_field", "keeping items, and deltas, need a folder of this machine: out")
        self.save_original_file = self.images is not ImageMode.NONE
        self.writer_options()
        return self

    def writer_options(self) -> WriterOptions:
        """The options of the format's writer.

        Raises:
            PydanticCustomError: The format has no such option, or not that value; a ValueError.
        """
        return parse_writer_options(self.format, self.options)


def parse_writer_options(fmt: Format, options: dict[str, Any]) -> WriterOptions:
    """The options of a format's writer.

    Raises:
        PydanticCustomError: The format has no such option, or not that value; a ValueError.
    """
    import msgspec

    default = DEFAULT_OPTIONS[fmt]
    known = {field.name: getattr(default, field.name) for field in dataclasses.fields(default)}
    if unknown := sorted(set(options) - set(known)):
        raise PydanticCustomError(
            "unknown_option",
            "{format} has no option {unknown}; it has {known}",
            {"format": str(fmt), "unknown": ", ".join(unknown), "known": ", ".join(known) or "none"},
        )
    try:
        return msgspec.convert(options, type(default))
    except msgspec.ValidationError as exc:
        wrong = [
            f"{options[name]!r} is no {name} of {fmt}; it has {', '.join(type(value))}"
            for name, value in known.items()
            if isinstance(value, StrEnum) and options.get(name, value) not in list(type(value))
        ]
        reason = "; ".join(wrong) or f"options: {exc}"
        raise PydanticCustomError("invalid_option", "{reason}", {"reason": reason}) from exc
