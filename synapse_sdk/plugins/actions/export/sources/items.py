"""One item shape for the tail of every export, whichever way its row came.

`{"id", "data", "files": {one file}, "data_unit": {"id", "name", "width", "height", "files": {specification: file}},
"tags"}`; `files` is the primary specification's file, else the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def row_to_item(row: Mapping[str, Any]) -> Item:
    """The item of a bundle's line or of a bulk answer's row (`synapse_sdk.wire.bundle.ExportRow` as a dict)."""
    return _item(row["id"], row, row.get("files_manifest") or {})


def result_to_item(result: Mapping[str, Any]) -> Item:
    """The item of one result of a v1 list, which carries its files under its data unit."""
    unit = result.get("data_unit") or {}
    files = unit.get("files") or {}
    # A ground truth's event is known by `pgh_id`: its `id` would be that of the ground truth.
    return _item(result.get("pgh_id", result.get("id")), result, files)


def _item(item_id: Any, source: Mapping[str, Any], manifest: Mapping[str, Mapping[str, Any]]) -> Item:
    files = {specification: _file(specification, entry) for specification, entry in manifest.items()}
    unit = source.get("data_unit") or {}
    return {
        "id": item_id,
        "data": source.get("data"),
        # A source of a plugin's own may know one file per item, and no specifications.
        "files": dict(primary_file(files) or source.get("files") or {}),
        "data_unit": {name: unit.get(name) for name in ("id", "name", "width", "height")} | {"files": files},
        "tags": list(source.get("tags") or []),
    }


def _file(specification: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": entry.get("url"),
        "file_name_original": entry.get("file_name_original"),
        "sha256": entry.get("sha256"),
        "size_bytes": entry.get("size_bytes"),
        "specification": specification,
        "is_primary": bool(entry.get("is_primary", False)),
    }


def primary_file(files: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The primary specification's file, else the first; empty when there is none."""
    return next((file for file in files.values() if file["is_primary"]), next(iter(files.values()), {}))
