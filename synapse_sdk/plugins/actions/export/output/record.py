"""`export.json`: what an export holds, and how to recognise it.

Equal exports have equal records: no time, no job and no link is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from synapse_sdk.plugins.actions.export.output.files import write_whole
from synapse_sdk.utils.distribution import installed_version
from synapse_sdk.utils.file.checksum import calculate_checksum

RECORD_NAME = "export.json"
RECORD_SCHEMA_VERSION = 1


class ItemsDigest:
    """SHA-256 over the items of an export in their order: what was exported, whatever it was converted to.

    Links are left out: they differ with the way that the items came.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._encode = msgspec.json.Encoder(order="sorted").encode
        self.count = 0

    def add(self, item: Mapping[str, Any]) -> None:
        unit = item.get("data_unit") or {}
        files = unit.get("files") or {}
        known = {
            "id": item.get("id"),
            "data": item.get("data"),
            "tags": item.get("tags"),
            "data_unit": [unit.get("id"), unit.get("name"), unit.get("width"), unit.get("height")],
            "files": {name: [file.get("file_name_original"), file.get("sha256")] for name, file in files.items()},
        }
        self._digest.update(self._encode(known) + b"\n")
        self.count += 1

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def save_record(folder: Any, facts: Mapping[str, Any]) -> None:
    """Write `export.json` with the facts, the versions, and the checksums of the files beside it.

    Raises:
        OSError: It cannot be written.
    """
    record = {
        "schema_version": RECORD_SCHEMA_VERSION,
        **facts,
        "files": {name: calculate_checksum(folder / name) for name in _described_files(folder)},
        "versions": {"synapse": installed_version()},
    }
    write_whole(folder / RECORD_NAME, [msgspec.json.format(msgspec.json.encode(record), indent=2), b"\n"])


def _described_files(folder: Any) -> list[str]:
    """Files of the data set as a whole; those of single items are known by the items' digest."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    splits = folder / "annotations"
    if splits.is_dir():
        names += [f"annotations/{path.name}" for path in splits.iterdir() if path.is_file()]
    return sorted(names)
