"""Run with `synapse plugin test --path .`."""

import json

from plugin.export import MyExporter

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext

ITEM = {
    "id": 7,
    "data": {"annotations": [{"category": "cat", "bbox": [1, 2, 3, 4]}]},
    "files": {"file_name_original": "a.jpg", "url": "unused"},
}


def make_exporter(folder, **params):
    ctx = RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({}))
    return MyExporter(ctx, iter([ITEM]), folder, **params)


def test_an_item_keeps_its_id_file_name_and_annotations(tmp_path):
    converted = make_exporter(tmp_path).convert_data(ITEM)
    assert converted == {"id": 7, "filename": "a.jpg", "annotations": ITEM["data"]["annotations"]}


def test_metadata_names_the_export_and_its_size(tmp_path):
    make_exporter(tmp_path, name="My Export", count=1).additional_file_saving(tmp_path)
    metadata = json.loads((tmp_path / "metadata.json").read_text())
    assert (metadata["export_name"], metadata["total_items"]) == ("My Export", 1)
