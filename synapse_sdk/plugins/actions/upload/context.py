"""State that the steps of one upload share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.steps import BaseStepContext


@dataclass
class UploadContext(BaseStepContext):
    """What an upload knows, from its folder to its data units.

    Attributes:
        params: The action's parameters.
        root: The folder.
        files: Files below it, sorted; hidden ones are left out.
        collection: The collection with its file specifications.
        organized: Files by stem, and by specification within it.
        units: Bodies of data units: `{files: {specification: path}, meta}`.
        uploaded_files: How many files the server has now.
        data_units: How many data units were made.
    """

    params: dict[str, Any] = field(default_factory=dict)
    root: Path | None = None
    files: list[Path] = field(default_factory=list)
    collection: Mapping[str, Any] = field(default_factory=dict)
    organized: dict[str, dict[str, Path]] = field(default_factory=dict)
    units: list[dict[str, Any]] = field(default_factory=list)
    uploaded_files: int = 0
    data_units: int = 0
