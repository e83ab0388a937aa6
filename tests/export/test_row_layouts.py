"""Rows of a bundle are read alike however their fields lie, and data that is not JSON is refused."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from synapse_sdk.exceptions import ExportError
from synapse_sdk.plugins.actions.export.failure_classifier import classify_export_error
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.sources import bundle_items
from synapse_sdk.plugins.actions.export.sources.bundle_items import RowEntry, RowHead, decode_head
from tests.export.bundles import hostile_rows, items_of, open_exporter, run_exporter, write_lines

SERVER = ("id", "data", "data_unit", "tags", "files_manifest")
ENTRY = {"file_name_original": "a.jpg", "url": "/a"}
TRICKY = ',"data_unit":{"id":1},"data":'


def in_order(*names: str) -> Callable[[dict[str, Any]], bytes]:
    return lambda row: msgspec.json.encode({name: row[name] for name in names})


def with_fields(*names: str, **more: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda row: in_order(*names)(row | more)


LAYOUTS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "the server's": in_order(*SERVER),
    "data first": in_order("data", "id", "data_unit", "tags", "files_manifest"),
    "data last": in_order("id", "data_unit", "tags", "files_manifest", "data"),
    "unit last": in_order("id", "data", "tags", "files_manifest", "data_unit"),
    "unit before data": in_order("data_unit", "id", "data", "tags", "files_manifest"),
    "without unit": in_order("id", "data", "tags"),
    "without data": in_order("id", "data_unit", "tags"),
    "only an id": in_order("id"),
    "with spaces": lambda row: json.dumps(row).encode(),
    "another field between": with_fields("id", "data", "extra", "data_unit", "tags", extra={"a": 1}),
    "another field in front": with_fields("extra", *SERVER, extra={"data": 1, "data_unit": {"id": 5}}),
    "another field behind": with_fields(*SERVER, "extra", extra={"x": 1, "data": 2, "data_unit": {"id": 5}}),
    "files named as fields": with_fields(*SERVER, files_manifest={"a": ENTRY, "data": ENTRY, "data_unit": ENTRY}),
    "a unit in the data": with_fields(*SERVER, data={"a": 1, "data": {"b": 1, "data_unit": {"id": 7}, "c": []}}),
    "such a unit, and none of its own": with_fields("id", "data", data={"a": {"b": 1, "data_unit": {"id": 7}}}),
    "texts that look like fields": with_fields(*SERVER, tags=[TRICKY], data={"annotations": [], "t": TRICKY}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_row_is_the_same_however_its_fields_lie(tmp_path, layout):
    lines = [layout(row) for row in hostile_rows(60, seed=3)]
    heads = list(items_of(write_lines(tmp_path / "bundle", lines)).heads())
    assert heads == [decode_head(line) for line in lines]


def test_the_servers_own_layout_is_read_without_passing_over_the_data(tmp_path, monkeypatch):
    looked_at = []
    decode = bundle_items._decode_heads
    monkeypatch.setattr(bundle_items, "_decode_heads", lambda lines: looked_at.append(len(lines)) or decode(lines))
    lines = [LAYOUTS["the server's"](row | {"data": {"text": "x" * 9_000}}) for row in hostile_rows(60, seed=3)]
    assert len(list(items_of(write_lines(tmp_path / "bundle", lines)).heads())) == 60
    assert sum(looked_at) < 60 * 1_000


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("data", [b'{"annotations":[}', b'{"annotations":[]},"extra":1', b'"\xff"', b""])
def test_data_that_is_not_json_is_refused(tmp_path, workers, data):
    lines = [LAYOUTS["the server's"](row) for row in hostile_rows(60, seed=3)]
    lines[40] = lines[40].replace(msgspec.json.encode(hostile_rows(60, seed=3)[40]["data"]), data, 1)
    exporter = open_exporter(
        write_lines(tmp_path / "bundle", lines), tmp_path / "out", format="coco", parallelism=workers
    )
    with pytest.raises(ExportError, match="item 41 is not JSON") as caught:
        run_exporter(exporter, tmp_path / "out")
    assert classify_export_error(caught.value) is ExportLogMessageCode.EXPORT_FAILED_BUNDLE


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({}, "7"),
        ({"a": RowEntry(file_name_original=None)}, "7"),
        ({"a": RowEntry(file_name_original="a.png"), "b": RowEntry(file_name_original="b.png")}, "a.png"),
        (
            {"a": RowEntry(file_name_original="a.png"), "b": RowEntry(file_name_original="b.png", is_primary=True)},
            "b.png",
        ),
    ],
)
def test_a_row_is_named_by_its_primary_file_or_its_first_or_its_id(files, name):
    assert RowHead(7, files_manifest=files).own_name == name
