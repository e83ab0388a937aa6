"""Every code block of the export seed, cut from the document and run against a real server with data.

Around a block stands only what it leaves out, such as the class that its method belongs to.
"""

import dataclasses
import inspect
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from synapse_sdk.plugins.actions import export as ours
from synapse_sdk.plugins.actions.export import (
    BaseExportAction,
    BaseExporter,
    ExportContext,
    ExportStatus,
    TargetHandlerFactory,
)
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.steps import BaseStep, Orchestrator, StepRegistry, StepResult
from tests.export.platform import export
from tests.export.support import RememberingLogger

TYPES = {"Any": Any, "StepRegistry": StepRegistry, "ExportContext": ExportContext, "Generator": Generator}


def fields_of(cls) -> dict[str, Any]:
    return {
        f.name: f.default if f.default_factory is dataclasses.MISSING else f.default_factory()
        for f in dataclasses.fields(cls)
    }


def test_base_export_action(run_block):
    seeds = run_block("base_export_action", {"P": TypeVar("P", bound=BaseModel)})["BaseExportAction"]
    assert seeds.category is BaseExportAction.category is PluginCategory.EXPORT


def test_set_progress(run_block, scene):
    action = scene.action()
    run_block("set_progress", {"self": action, "current": 1, "total": 4})
    assert scene.ctx.logger.percents("dataset_conversion") == [25.0]


def test_client(run_block, scene):
    results, count = run_block("client", {"self": scene.action(), "filters": scene.filters})["assignments"]
    assert count == 4
    assert sorted(item["id"] for item in results) == scene.assignments


@pytest.mark.parametrize("name", ["get_filtered_results", "target_assignment", "target_task"])
def test_get_filtered_results(run_block, scene, name):
    method = run_block(name, TYPES)["get_filtered_results"]
    results, count = method(scene.action(), scene.filters)
    expected = scene.tasks if name == "target_task" else scene.assignments
    assert (sorted(item["id"] for item in results), count) == (expected, 4)


def test_target_ground_truth(run_block, scene):
    method = run_block("target_ground_truth", TYPES)["get_filtered_results"]
    events, count = method(scene.action(), {"ground_truth_dataset_version": scene.release_ground_truth()})
    assert count == len(list(events)) == 4


def test_setup_steps(run_block):
    names = run_block("setup_steps", TYPES, before=("simple_action", "step_action"))
    registry = StepRegistry()
    names["setup_steps"](None, registry)
    assert [step.name for step in registry.get_steps()] == ["fetch_data", "convert_format", "save_output"]


def test_create_context(run_block, scene):
    action = scene.action(filters={"project": 1})
    context = run_block("create_context", TYPES)["create_context"](action)
    assert context.runtime_ctx is scene.ctx
    assert context.params == action.create_context().params == {"filters": {"project": 1}}


def test_export_context(run_block):
    seeds = run_block("export_context")["ExportContext"]
    mine, theirs = fields_of(ExportContext), fields_of(seeds)
    assert {name: mine[name] for name in theirs} == theirs
    context = ExportContext(runtime_ctx=RuntimeContext(RememberingLogger(), PluginEnvironment({})))
    with pytest.raises(RuntimeError, match="No client in runtime context"):
        _ = context.client


def test_step_result(run_block):
    mine, theirs = fields_of(StepResult), fields_of(run_block("step_result")["StepResult"])
    mine.pop("timestamp")
    theirs.pop("timestamp")
    assert mine == theirs


def test_simple_action(run_block, scene):
    action = run_block("simple_action")["SimpleExportAction"]
    result = action.dispatch({"project_id": scene.project["id"]}, scene.ctx)
    assert (result["format"], result["exported_count"]) == ("coco", 4)
    assert sorted(item["id"] for item in result["data"]) == scene.assignments
    assert scene.ctx.logger.percents("dataset_conversion")[-1] == 100.0


def test_step_action(run_block, scene):
    names = run_block("step_action", before=("simple_action",))
    outcome = names["StepBasedExportAction"].dispatch({"project_id": scene.project["id"]}, scene.ctx)
    assert outcome["success"]
    # The block asks without a project: it gets what this user may see.
    assert outcome["exported_count"] >= 4
    assert outcome["output_path"] == "/tmp/export_output.json"


def test_coco_exporter(run_block, scene):
    action = run_block("coco_exporter")["CocoExportAction"]
    result = action.dispatch({"project_id": scene.project["id"]}, scene.ctx)
    assert (result["exported_count"], result["annotation_count"]) == (4, 8)
    assert {category["name"] for category in result["data"]["categories"]} == {"cat", "dog"}
    assert {(image["width"], image["height"]) for image in result["data"]["images"]} == {(640, 480)}


@pytest.mark.parametrize(
    ("fmt", "file"), [("coco", "annotations.json"), ("yolo", "output.yolo"), ("csv", "output.csv")]
)
def test_multi_format(run_block, scene, tmp_path, fmt, file):
    action = run_block("multi_format")["MultiFormatExportAction"]
    params = {"project_id": scene.project["id"], "output_format": fmt, "output_dir": str(tmp_path / "formats")}
    outcome = action.dispatch(params, scene.ctx)
    assert outcome["output_path"] == str(tmp_path / "formats" / file)
    assert Path(outcome["output_path"]).is_file()


def test_streaming(run_block, scene):
    names = run_block("streaming", TYPES)
    processed = []

    class Streaming(type(scene.action())):
        get_filtered_results, execute = names["get_filtered_results"], names["execute"]

        def _process_item(self, item):
            processed.append(item["id"])

    Streaming.dispatch({"filters": scene.filters}, scene.ctx)
    assert sorted(processed) == scene.assignments


def test_report_interval(run_block, scene):
    names = run_block("report_interval", {**TYPES, "filters": scene.filters})

    class Reporting(type(scene.action())):
        execute = names["execute"]

        def get_filtered_results(self, filters):
            return self.client.get_assignments(filters)

        def _process(self, item): ...

    Reporting.dispatch({}, scene.ctx)
    assert scene.ctx.logger.percents("dataset_conversion")[-1] == 100.0


def test_partial_failure(run_block, scene):
    names = run_block("partial_failure", {**TYPES, "BaseStep": BaseStep, "StepResult": StepResult})

    class Convert(names["ConvertStep"]):
        name, progress_weight = "convert", 1.0

        def _convert(self, item):
            if item["id"] == 2:
                raise ValueError("no boxes")
            return item

    context = ExportContext(runtime_ctx=scene.ctx, results=[{"id": 1}, {"id": 2}])
    registry = StepRegistry()
    registry.register(Convert())
    Orchestrator(registry, context).execute()
    assert (context.exported_count, context.errors) == (1, ["Item 2: no boxes"])


def test_base_exporter(run_block, scene):
    names = {"ExporterRunAdapter": ours.ExporterRunAdapter, "Path": Path, **TYPES}
    seeds = run_block("base_exporter", names)["BaseExporter"]
    mine, theirs = (inspect.signature(cls.__init__).parameters for cls in (BaseExporter, seeds))
    assert [(p.name, p.kind) for p in mine.values()] == [(p.name, p.kind) for p in theirs.values()]
    exporter = BaseExporter(scene.ctx, iter(()), "somewhere", name="x")
    twin = seeds(scene.ctx, exporter.export_items, "somewhere", name="x")
    assert (exporter.path_root, exporter.params) == (twin.path_root, twin.params)
    assert type(exporter.run) is type(twin.run)


def test_run_adapter(run_block, scene):
    facts = {"current": 1, "total": 2, "item_id": 7, "file_info": {"name": "a.jpg"}, "ExportStatus": ExportStatus}
    run_block("run_adapter", {"self": scene.exporter(), **facts})
    logger = scene.ctx.logger
    assert logger.messages() == ["Processing item..."]
    assert logger.percents("dataset_conversion") == [50.0]
    assert logger.get_metrics("original_file") == {"stand_by": 100, "success": 0, "failed": 0}
    for event in ("export_original_file", "export_data_file"):
        assert [(e["target_id"], e["status"]) for e in logger.events(event)] == [(7, "success")]


def test_metrics_record(run_block, scene, capsys):
    run_block("metrics_record", {"self": scene.exporter()})
    assert capsys.readouterr().out == "{'stand_by': 99, 'success': 1, 'failed': 0}\n"


def test_export_status(run_block):
    status = run_block("export_status")["ExportStatus"]
    assert [status.SUCCESS, status.FAILED, status.STAND_BY] == ["success", "failed", "stand_by"]


@pytest.mark.parametrize("disable", [None, True], ids=["delegated", "in_process"])
def test_my_exporter(run_block, scene, disable):
    action = run_block("my_exporter")["MyExportAction"]
    params = {"filter": scene.filters, "target": "assignment", "disable_async_delegate": disable}
    outcome = export(scene.platform, scene.ctx, action, name="My Export", **params)
    folder = Path(outcome["export_path"])
    assert json.loads((folder / "metadata.json").read_text()) == {
        "export_name": "My Export",
        "total_items": 4,
        "format_version": "1.0",
    }
    written = [json.loads(path.read_text()) for path in (folder / "json").iterdir()]
    assert sorted(item["id"] for item in written) == scene.assignments
    assert all(item["filename"] and len(item["annotations"]) == 2 for item in written)
    assert len(list((folder / "origin_files").iterdir())) == 4


def test_handler_factory(run_block):
    names = run_block("handler_factory")
    assert isinstance(names["handler"], ours.TaskExportTargetHandler)


def test_custom_handler(run_block, scene, monkeypatch):
    handler_class = run_block("custom_handler", TYPES)["CustomTargetHandler"]

    class Client:
        def custom_api_call(self, filters):
            return [{"id": 1}, {"id": 2}]

    class Handler(handler_class):
        def _transform(self, item):
            return {**item, "data": {}, "files": {}}

    TargetHandlerFactory.register_handler("custom", Handler)
    handler = TargetHandlerFactory.get_handler("custom")
    with pytest.raises(ValueError, match="required_field"):
        handler.validate_filter({}, Client())
    results, count = handler.get_results(Client(), {"required_field": 1})
    assert [item["id"] for item in handler.get_export_item(results)] == [1, 2]
    assert count == 2
