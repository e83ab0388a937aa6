"""A preview of an export: how many items match, and what the first of them becomes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.plugins.actions.export.formats.params import BY_TAG, parse_writer_options
from synapse_sdk.plugins.actions.export.sources.items import row_to_item
from synapse_sdk.utils.converters import Format, create_writer, safe_name, split_by_ratio, split_by_tag
from synapse_sdk.wire.annotations import ClassSchema
from synapse_sdk.wire.bundle import ExportTarget
from synapse_sdk.wire.dataset_exports import DatasetExportRequest, DatasetPreview, LossEntry, PreviewFile
from web_helper.backend.models import Project
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, export_line, read_rows, select_target
from web_helper.backend.queries.lists import count_rows
from web_helper.backend.services.call import Call
from web_helper.backend.services.exports.datasets.requests import settle_request

# Enough to see what a file looks like; the class list of a large project would fill the page otherwise.
SHOWN_CHARACTERS = 8_000
SHOWN_FILES = 12


def preview_export(call: Call, body: DatasetExportRequest) -> DatasetPreview:
    """Count what matches, and convert the first item as an export would.

    Raises:
        ValidationProblem: A field cannot be what it is.
        PermissionProblem: The caller may not export from the project.
    """
    params = settle_request(call, body)
    target = ExportTarget(params["target"])
    selection = select_target(target, params["filter"], viewer_id=None)
    count = count_rows(call.session, selection)
    rows = read_rows(call.session, EXPORT_SOURCES[target], selection, after_id=0, limit=1)
    if not rows:
        return DatasetPreview(count=count)
    item = row_to_item(msgspec.json.decode(export_line(rows[0], lambda _file: "")))
    configuration = call.session.get_one(Project, params["project"]).configuration
    with tempfile.TemporaryDirectory(prefix="synapse-preview-") as folder:
        losses = _write(Path(folder), item, params, ClassSchema.model_validate(configuration["class_schema"]))
        files = _shown(Path(folder))
    return DatasetPreview(count=count, item_id=item["id"], item_name=_name_of(item), files=files, losses=losses)


def _write(folder: Path, item: Any, params: dict[str, Any], classes: ClassSchema) -> list[LossEntry]:
    fmt = Format(params["format"])
    options = parse_writer_options(fmt, params["options"])
    split = _split_of(item, params["split"])
    if params["split"] and split is None:
        message = "no tag of the item names its split"
        return [LossEntry(item_id=item["id"], reason_code="item_skipped", message=message)]
    writer = create_writer(fmt, folder, classes=classes, options=options)
    if fmt is not Format.WEBDATASET:
        writer.write(item, _name_of(item), split)
    report = writer.close()
    writer.sink.close()
    return [LossEntry.model_validate(msgspec.to_builtins(skip)) for skip in report.skipped]


def _name_of(item: Any) -> str:
    return safe_name(item["files"].get("file_name_original") or str(item["id"]))


def _split_of(item: Any, split: Any) -> str | None:
    if not split:
        return None
    if split == BY_TAG:
        return split_by_tag(item["tags"])
    unit = item["data_unit"]["id"]
    return split_by_ratio(item["id"] if unit is None else unit, split, seed=0)


def _shown(folder: Path) -> list[PreviewFile]:
    paths = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return [_show(folder, path) for path in paths[:SHOWN_FILES]]


def _show(folder: Path, path: Path) -> PreviewFile:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(4 * SHOWN_CHARACTERS)
    try:
        text = head.decode() if b"\0" not in head else None
    except UnicodeDecodeError:
        text = None
    shown = text[:SHOWN_CHARACTERS] if text is not None else None
    whole = text is not None and len(text) <= SHOWN_CHARACTERS and size == len(head)
    name = path.relative_to(folder).as_posix()
    return PreviewFile(path=name, size_bytes=size, text=shown, is_whole=whole)
