"""Actions of plugin authors, what classifies a failure, and targets that are no local folder."""

import errno
import json
from typing import Any

import pytest
from pydantic import BaseModel

from synapse_sdk.exceptions import (
    AuthorizationError,
    BundleError,
    ClientConnectionError,
    ClientTimeoutError,
    ExportJobFailedError,
    FormatError,
    NotFoundError,
    ServerError,
    StorageError,
    ValidationError,
)
from synapse_sdk.plugins.actions._v2_switch import use_v2
from synapse_sdk.plugins.actions.export import (
    BaseExportAction,
    BaseExporter,
    ExportAction,
    ExportContext,
    ExportLogMessageCode,
    MetricsRecord,
)
from synapse_sdk.plugins.actions.export.failure_classifier import classify_export_error
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.log_messages import resolve_log_message
from synapse_sdk.plugins.steps import BaseStep, StepResult
from tests.backend.factories import boxes
from tests.export.platform import export
from tests.export.support import make_ctx, make_item, tree


class Params(BaseModel):
    project_id: int = 1


class Simple(BaseExportAction[Params]):
    action_name = "simple"

    def get_filtered_results(self, filters: dict) -> tuple[Any, int]:
        return iter([{"id": 1}, {"id": 2}]), 2

    def execute(self) -> dict[str, Any]:
        results, total = self.get_filtered_results({})
        self.set_progress(0, total, self.progress.DATASET_CONVERSION)
        found = []
        for i, item in enumerate(results, 1):
            found.append(item)
            self.set_progress(i, total, self.progress.DATASET_CONVERSION)
        return {"exported_count": len(found)}


class Fetch(BaseStep[ExportContext]):
    name = "fetch"
    progress_weight = 1.0

    def execute(self, context: ExportContext) -> StepResult:
        context.total_count = context.exported_count = 2
        context.output_path = "/somewhere"
        return StepResult()


class Stepped(Simple):
    def setup_steps(self, registry):
        registry.register(Fetch())


def test_a_simple_action_runs_its_execute():
    ctx = make_ctx()
    assert Simple.dispatch({}, ctx) == {"exported_count": 2}
    assert ctx.logger.percents("dataset_conversion") == [0.0, 50.0, 100.0]


def test_steps_win_over_execute_and_answer_the_counts():
    assert Stepped.dispatch({}, make_ctx()) == {
        "success": True, "steps_executed": 1, "steps_total": 1,
        "exported_count": 2, "failed_count": 0, "total_count": 2, "output_path": "/somewhere",
    }  # fmt: skip


def test_export_actions_have_their_category_progress_and_codes():
    assert Simple.category is PluginCategory.EXPORT
    assert Simple.progress.DATASET_CONVERSION == "dataset_conversion"
    assert Simple.get_log_message_code_class() is ExportLogMessageCode
    assert Simple.params_model is Params


def test_without_a_client_the_way_out_is_named():
    action = Simple(Params(), make_ctx())
    with pytest.raises(RuntimeError, match="No client in runtime context"):
        action.client  # noqa: B018 - reading it is the act.
    with pytest.raises(RuntimeError, match="No client in runtime context"):
        ExportContext(runtime_ctx=make_ctx()).client  # noqa: B018


def test_a_base_action_without_source_says_what_is_missing():
    class Bare(BaseExportAction[Params]):
        pass

    with pytest.raises(NotImplementedError, match=r"Bare needs get_filtered_results\(\)"):
        Bare(Params(), make_ctx()).get_filtered_results({})


class Upper(BaseExporter):
    def before_convert(self, data):
        return data | {"before": True}

    def convert_data(self, data):
        return {"id": data["id"], "data": {"seen": [data["before"]], "project": self.params["project_id"]}}

    def after_convert(self, data):
        data["data"]["after"] = self.params["colour"]
        return data

    def additional_file_saving(self, unique_export_path):
        facts = {"name": self.params["name"], "count": self.params["count"]}
        (unique_export_path / "metadata.json").write_text(json.dumps(facts))


class UpperAction(ExportAction):
    action_name = "upper"

    @property
    def entrypoint(self):
        return Upper


def test_an_entrypoint_property_chooses_the_exporter_and_gets_the_parameters(platform):
    project = platform.make.project()
    platform.make.tasks(project, 2, files=True, data=boxes("cat"), names=["a.jpg", "b.jpg"])
    extra = {"colour": "red"}
    export(platform, platform.ctx(), UpperAction, project=project["id"], extra_params=extra, name="My Export")
    files = tree(platform.outputs / "My Export")
    assert json.loads(files["json/a.json"]) == {"seen": [True], "project": project["id"], "after": "red"}
    assert json.loads(files["metadata.json"]) == {"name": "My Export", "count": 2}
    assert "metadata.json" in json.loads(files["export.json"])["files"]


def test_a_context_of_ones_own_is_completed(platform):
    class OwnContext(ExportAction):
        def create_context(self):
            return ExportContext(runtime_ctx=self.ctx, params=self.params.model_dump())

    project = platform.make.project()
    platform.make.tasks(project, 2, files=True, data=boxes("cat"))
    assert export(platform, platform.ctx(), OwnContext, project=project["id"])["exported_count"] == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServerError(500, {"error": {"code": "CONFLICT", "message": "x"}}), "EXPORT_FAILED_CONFLICT"),
        (ValueError('answer: {"error": {"message": "m", "code": "NOT_FOUND"}}'), "EXPORT_FAILED_NOT_FOUND"),
        (ServerError(500, {"error": {"code": "BRAND_NEW"}}), "EXPORT_FAILED_SERVER"),
        (AuthorizationError(403, "no"), "EXPORT_FAILED_PERMISSION"),
        (NotFoundError(404, "no"), "EXPORT_FAILED_NOT_FOUND"),
        (ValidationError(400, "no"), "EXPORT_FAILED_VALIDATION"),
        (ClientTimeoutError(408, "no"), "EXPORT_FAILED_NETWORK"),
        (ClientConnectionError(None, "no"), "EXPORT_FAILED_NETWORK"),
        (BundleError("torn"), "EXPORT_FAILED_BUNDLE"),
        (ExportJobFailedError("no"), "EXPORT_FAILED_SERVER_JOB"),
        (ExportJobFailedError("The server's export job 7 was cancelled."), "EXPORT_FAILED_CANCELLED"),
        (FormatError("no"), "EXPORT_FAILED_FORMAT"),
        (StorageError("no"), "EXPORT_FAILED_STORAGE"),
        (PermissionError(errno.EACCES, "Permission denied"), "EXPORT_FAILED_STORAGE"),
        (OSError(errno.ENOSPC, "No space left on device"), "EXPORT_FAILED_DISK_FULL"),
        (KeyError("bbox"), "EXPORT_FAILED_DATA"),
        (ZeroDivisionError("no"), None),
    ],
)
def test_a_failure_is_told_in_words_that_fit_however_deep_it_lies(error, code):
    outer = RuntimeError("Step 'x' failed: something")
    outer.__cause__ = error
    assert classify_export_error(outer) == classify_export_error(error) == code


def test_every_message_is_worded_in_both_languages():
    for code in ExportLogMessageCode:
        english, level = resolve_log_message(code, "en")
        korean, _ = resolve_log_message(code, "ko")
        assert english not in {str(code), korean}
        assert level in {"info", "warning", "success", "danger"}
        assert code.level == level


def test_v1_is_forced_by_the_operator_for_one_family():
    ctx = make_ctx(v2_client=object())
    assert use_v2(ctx, "export")
    assert not use_v2(make_ctx(), "export")
    forced = make_ctx({"SYNAPSE_FORCE_V1_EXPORT": "1"}, v2_client=object())
    assert not use_v2(forced, "export")
    assert use_v2(forced, "to_task")


def test_a_target_in_an_object_store_is_written_like_a_folder(tmp_path):
    upath = pytest.importorskip("upath")
    original = tmp_path / "cat.jpg"
    original.write_bytes(b"a cat")
    root = upath.UPath("memory://bucket/exports")
    items = [make_item(1, file=original), make_item(2, file=tmp_path / "gone.jpg")]
    for expected in ("out", "out(1)"):
        exporter = BaseExporter(make_ctx(), iter(items), root, name="out", count=2)
        assert exporter.path_root is root
        assert exporter.export()["output_path"].endswith(expected)
        assert (root / expected / "origin_files" / "cat.jpg").read_bytes() == b"a cat"
        assert json.loads((root / expected / "json" / "cat.json").read_text()) == items[0]["data"]
        assert (root / expected / "error_file_list.json").exists()
        assert exporter.data_metrics == MetricsRecord(0, 1, 1)


def test_a_failed_export_to_an_object_store_leaves_nothing():
    upath = pytest.importorskip("upath")

    class Broken(BaseExporter):
        def additional_file_saving(self, unique_export_path):
            raise OSError(errno.EIO, "the store is gone")

    root = upath.UPath("memory://bucket/failing")
    with pytest.raises(OSError, match="the store is gone"):
        Broken(make_ctx(), iter([make_item(1, "a.jpg")]), root, name="out", count=1, save_original_file=False).export()
    assert not (root / "out").exists()
