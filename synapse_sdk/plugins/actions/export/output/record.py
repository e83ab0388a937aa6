"""`export.json`: what an export holds, and how to recognise it.

Equal exports have equal records: no time, no job and no link is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from synapse_sdk.plugins.actions.export.output.files import write_whole
from synapse_sdk.utils.distribution import installed_version
from synapse_sdk.utils.file.checksum import calculate_checksum

RECORD_NAME = "export.json"
RECORD_SCHEMA_VERSION = 1
# An item's id, its data unit's `(id, name, width, height)`, `(name, sha256)` of each file, its tags, and the length of
# its data.
Front = tuple[Any, tuple[Any, ...], Mapping[str, Any], Sequence[str], int]


class ItemsDigest:
    """SHA-256 over the items of an export in their order: what was exported, whatever it was converted to.

    It takes what names each item, in blocks, and apart from that its data: the result does not depend on how the items
    were divided. Links are left out: they differ with the way that the items came.
    """

    def __init__(self) -> None:
        self._names, self._data = hashlib.sha256(), hashlib.sha256()
        self._encode = msgspec.json.Encoder(order="sorted").encode_lines
        self.count = 0

    def add(self, item: Mapping[str, Any]) -> None:
        unit = item.get("data_unit") or {}
        files = unit.get("files") or {}
        named = {name: (file.get("file_name_original"), file.get("sha256")) for name, file in files.items()}
        places = tuple(unit.get(name) for name in ("id", "name", "width", "height"))
        data = msgspec.json.encode(item.get("data"))
        self.add_block([(item.get("id"), places, named, item.get("tags") or (), len(data))], [data])

    def add_block(self, fronts: Sequence[Front], data: Iterable[bytes | memoryview]) -> None:
        """Items in order, each by what names it and the JSON text of its data."""
        self._names.update(self._encode(fronts))
        for text in data:
            self._data.update(text)
        self.count += len(fronts)

    def hexdigest(self) -> str:
        return hashlib.sha256(self._names.digest() + self._data.digest()).hexdigest()


def save_record(folder: Any, facts: Mapping[str, Any], known: Mapping[str, str] | None = None) -> None:
    """Write `export.json` with the facts, the versions, and the checksums of the files beside it.

    Args:
        folder: The export's folder.
        facts: What to record.
        known: SHA-256 of files that were read back already.

    Raises:
        OSError: It cannot be written.
    """
    record = {
        "schema_version": RECORD_SCHEMA_VERSION,
        **facts,
        "files": {
            name: (known or {}).get(name) or calculate_checksum(folder / name) for name in _described_files(folder)
        },
        "versions": {"synapse": installed_version(), **(facts.get("versions") or {})},
    }
    write_whole(folder / RECORD_NAME, [msgspec.json.format(msgspec.json.encode(record), indent=2), b"\n"])


def _described_files(folder: Any) -> list[str]:
    """Files of the data set as a whole; those of single items are known by the items' digest."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    splits = folder / "annotations"
    if splits.is_dir():
        names += [f"annotations/{path.name}" for path in splits.iterdir() if path.is_file()]
    return sorted(names)
