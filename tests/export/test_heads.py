"""Both heads, end to end: the same bytes, the documented steps, events and results."""

import hashlib
import importlib
import json
import sys
from pathlib import Path

import pytest

from synapse_sdk.exceptions import AuthorizationError
from synapse_sdk.plugins.actions.export import DefaultExportAction, ExportAction, TargetHandlerFactory
from tests.backend.factories import boxes
from tests.export.platform import export, wire_of
from tests.export.support import tree

IN_PROCESS = {"disable_async_delegate": True}
NINE = [
    "initialize", "fetch_results", "prepare_export",
    "delegate_enqueue", "delegate_stream_progress", "bundle_read",
    "convert_data", "save_files", "finalize",
]  # fmt: skip


@pytest.fixture
def project(platform):
    """Seven tasks with images: some without data, two of one name, one with a hostile name."""
    make, project = platform.make, platform.make.project()
    make.tasks(project, 3, files=True, data=boxes("cat", "dog"))
    make.tasks(project, files=True, data=boxes("cat"), names=["same.jpg", "same.jpg", "../../x"])
    make.tasks(project, 1, files=True, data=None)
    return project["id"]


def export_all_ways(platform, project, **params):
    """The output of each way that data can come, by its name."""
    ways = {
        "delegated": (platform.ctx(), {}),
        "delegated over http": (platform.ctx(), {}),
        "v2": (platform.ctx(), IN_PROCESS),
        "v1": (platform.ctx(env={"SYNAPSE_FORCE_V1_EXPORT": "1"}), {}),
    }
    found = {}
    for number, (name, (ctx, more)) in enumerate(ways.items()):
        if name == "delegated over http":
            hide_bundles(platform, ctx)
        result = export(platform, ctx, project=project, path=f"outputs/{number}", **params | more)
        found[name] = tree(platform.outputs / str(number)) | {"result": _without_paths(result)}
    return found


def hide_bundles(platform, ctx):
    """As for a person who may not see the server's folders: bundles come by signed links."""
    get_storage = ctx.client.get_storage

    def masked(storage_id):
        if storage_id == platform.bundle_storage_id:
            raise AuthorizationError(403, "not for you")
        return get_storage(storage_id)

    ctx.client.get_storage = masked


def _without_paths(result):
    return {
        name: value for name, value in result.items() if name not in {"output_path", "export_path", "steps_executed"}
    }


@pytest.mark.parametrize("save_original_file", [True, False])
def test_every_way_gives_the_same_bytes(platform, project, save_original_file):
    found = export_all_ways(platform, project, save_original_file=save_original_file)
    reference = found.pop("v2")
    assert reference["result"]["exported_count"] == 6
    assert reference["result"]["failed_count"] == 1
    assert len(reference) == 6 + 7 * save_original_file + 3
    for way, output in found.items():
        assert output == reference, way


def test_large_data_comes_by_link_with_the_same_bytes(thrifty):
    project = thrifty.make.project()
    thrifty.make.tasks(project, 5, files=True, data=boxes("cat", "dog", "cat"))
    ctx = thrifty.ctx()
    export(thrifty, ctx, project=project["id"], path="outputs/v2", **IN_PROCESS)
    assert wire_of(ctx).count("/payloads/") == 5
    export(thrifty, thrifty.ctx(), project=project["id"], path="outputs/server")
    assert tree(thrifty.outputs / "v2") == tree(thrifty.outputs / "server")


@pytest.mark.parametrize("action", [ExportAction, DefaultExportAction])
@pytest.mark.parametrize("params", [{}, IN_PROCESS])
def test_nine_steps_are_always_registered_and_all_end_at_a_hundred(platform, project, action, params):
    ctx = platform.ctx()
    result = export(platform, ctx, action, project=project, **params)
    assert result["steps_total"] == 9
    assert result["steps_executed"] == 6
    assert [name for name in NINE if ctx.logger.percents(name)[-1:] == [100.0]] == NINE


def test_result_names_counts_and_places(platform, project):
    result = export(platform, platform.ctx(), project=project)
    assert result == {
        "success": True, "steps_executed": 6, "steps_total": 9,
        "exported_count": 6, "failed_count": 1, "total_count": 7,
        "output_path": str(platform.outputs), "export_path": str(platform.outputs / "out"),
    }  # fmt: skip


def test_the_record_says_what_was_exported(platform, project):
    export(platform, platform.ctx(), project=project)
    record = json.loads((platform.outputs / "out" / "export.json").read_text())
    assert record["target"] == "task"
    assert record["filter"] == {"project": project}
    assert record["counts"]["data_file"] == {"stand_by": 0, "success": 6, "failed": 1}
    assert record["counts"]["original_file"] == {"stand_by": 0, "success": 7, "failed": 0}
    assert len(record["items_sha256"]) == 64
    assert set(record["files"]) == {"error_file_list.json"}
    assert record["snapshot"]
    assert set(record["versions"]) == {"synapse", "plugin", "platform"}


@pytest.fixture
def folder_plugin(tmp_path, monkeypatch):
    """The action of a plugin that is run from its folder; exports may lie there, too."""
    folder = tmp_path / "lists-plugin"
    (folder / "listing").mkdir(parents=True)
    (folder / "config.yaml").write_text("name: Lists\ncode: lists\nversion: 1.2.0\n")
    (folder / "never_imported.py").write_text("")
    (folder / "listing" / "__init__.py").write_text("")
    (folder / "listing" / "export.py").write_text(
        "from synapse_sdk.plugins.actions.export import ExportAction\n\n\nclass Lists(ExportAction): ...\n"
    )
    monkeypatch.syspath_prepend(folder)
    yield folder, importlib.import_module("listing.export").Lists
    for name in ("listing", "listing.export"):
        del sys.modules[name]


def versions_of(folder: Path) -> dict:
    return json.loads((folder / "export.json").read_text())["versions"]


def test_the_record_of_a_plugin_from_a_folder_says_what_ran(platform, project, folder_plugin):
    folder, action = folder_plugin
    export(platform, platform.ctx(), action, project=project)
    versions = versions_of(platform.outputs / "out")
    assert versions["plugin"] == "lists@1.2.0"
    ran = ("config.yaml", "listing/__init__.py", "listing/export.py")
    assert versions["plugin_files"] == {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ran}


def test_the_record_of_a_release_names_it(platform, project, folder_plugin):
    ctx = platform.ctx(env={"SYNAPSE_PLUGIN_RELEASE_CODE": "lists@3.0.0"})
    export(platform, ctx, folder_plugin[1], project=project)
    assert versions_of(platform.outputs / "out")["plugin"] == "lists@3.0.0"
    assert "plugin_files" not in versions_of(platform.outputs / "out")


@pytest.mark.parametrize("config", [None, "name: [", "name: no code"])
def test_a_folder_that_does_not_say_what_it_is_is_no_plugin(platform, project, folder_plugin, config):
    file = folder_plugin[0] / "config.yaml"
    if config is None:
        file.unlink()
    else:
        file.write_text(config)
    export(platform, platform.ctx(), folder_plugin[1], project=project)
    assert versions_of(platform.outputs / "out")["plugin"] is None


def test_delegation_is_told_by_events_metrics_messages_and_progress(platform, project):
    ctx = platform.ctx()
    export(platform, ctx, project=project)
    log = ctx.logger
    job_id = log.events("export_info")[0]["job_id"]
    assert f"The server gathers 7 items into a bundle (job {job_id})." in log.messages()
    assert "The server gathered 7 items." in log.messages()
    assert log.percents("server_export")[-1] == 100.0
    assert log.get_metrics("server_export") == {"success": 7, "failed": 0}
    assert [event.get("exported_count") for event in log.events("export_completed")] == [None, 6]
    assert len(log.events("export_original_file")) == 7
    assert len(log.events("export_data_file")) == 7
    assert log.get_metrics("data_file") == {"stand_by": 0, "success": 6, "failed": 1}


def test_the_in_process_head_warns_with_its_reason(platform, project):
    ctx = platform.ctx()
    with pytest.warns(DeprecationWarning, match=r"in-process export is deprecated .*switched off \(field\)"):
        ExportAction.dispatch(platform.params(project, **IN_PROCESS), ctx)
    assert any("switched off (field)" in message for message in ctx.logger.messages())
    assert wire_of(ctx).count("plugin-exports") == 0


def test_the_operators_variable_cannot_be_overruled(platform, project, monkeypatch):
    monkeypatch.setenv("SYNAPSE_EXPORT_DISABLE_ASYNC_DELEGATE", "1")
    ctx = platform.ctx(env={"SYNAPSE_EXPORT_DISABLE_ASYNC_DELEGATE": "0"})
    with pytest.warns(DeprecationWarning, match=r"switched off \(env\)"):
        ExportAction.dispatch(platform.params(project, disable_async_delegate=False), ctx)


def test_config_yaml_can_switch_delegation_off(platform, project):
    ctx = platform.ctx(config={"export_disable_async_delegate": True})
    with pytest.warns(DeprecationWarning, match=r"switched off \(config\)"):
        ExportAction.dispatch(platform.params(project), ctx)


def test_the_threshold_warns_and_changes_nothing(platform, project):
    ctx = platform.ctx()
    with pytest.warns(DeprecationWarning, match="async_job_size_threshold has no effect"):
        ExportAction.dispatch(platform.params(project, async_job_size_threshold=10**6), ctx)
    assert wire_of(ctx).count("plugin-exports") == 1


def test_ground_truth_is_delegated_only_when_its_project_is_named(platform):
    project, version = make_version(platform)
    params = {"target": "ground_truth", "filter": {"ground_truth_dataset_version": version}}
    ctx = platform.ctx()
    with pytest.warns(DeprecationWarning, match="no project id is known"):
        ExportAction.dispatch(platform.params(**params, path="outputs/near"), ctx)
    assert wire_of(ctx).count("plugin-exports") == 0
    ctx = platform.ctx()
    ExportAction.dispatch(platform.params(**params, path="outputs/far", extra_params={"project_id": project}), ctx)
    assert wire_of(ctx).count("plugin-exports") == 1
    near, far = tree(platform.outputs / "near"), tree(platform.outputs / "far")
    assert len(near) == 3 * 2 + 1
    assert near == far


def make_version(platform) -> tuple[int, int]:
    """A released ground truth of three items."""
    make, v2 = platform.make, platform.ctx().v2_client
    project = make.project()
    tasks = make.tasks(project, 3, files=True)
    make.assignments(project, tasks, data=boxes("cat"), status_label="completed")
    dataset = v2.ground_truth_datasets.create(project=project["id"], name="curated")
    v2.ground_truth_datasets.collect(dataset["id"], {})
    return project["id"], v2.ground_truth_datasets.release(dataset["id"], "v1")["id"]


def test_an_export_of_nothing_is_complete_by_either_head(platform, project):
    outputs = []
    for number, more in enumerate(({}, IN_PROCESS)):
        ctx = platform.ctx()
        filters = {"project": project, "search": "no such name"}
        result = export(platform, ctx, filter=filters, path=f"outputs/{number}", **more)
        assert (result["exported_count"], result["total_count"]) == (0, 0)
        assert "No item matches the filter." in ctx.logger.messages()
        outputs.append(tree(platform.outputs / str(number)))
    assert outputs[0] == outputs[1]
    assert set(outputs[0]) == {"out/export.json"}


class OwnSource(ExportAction):
    def get_filtered_results(self, filters):
        return iter([{"id": 1, "data": {"mine": True}, "files": {"file_name_original": "own.bin"}}]), 1


def test_a_source_of_ones_own_is_used_and_never_delegated(platform, project):
    ctx = platform.ctx()
    with pytest.warns(DeprecationWarning, match="the plugin fetches the data itself"):
        result = OwnSource.dispatch(platform.params(project, save_original_file=False), ctx)
    assert result["exported_count"] == 1
    assert json.loads((platform.outputs / "out" / "json" / "own.json").read_text()) == {"mine": True}


def test_a_handler_of_ones_own_is_used_and_never_delegated(platform, project, monkeypatch):
    base = type(TargetHandlerFactory.get_handler("task"))

    class Odd(base):
        def get_export_item(self, results):
            return (item for item in super().get_export_item(results) if item["id"] % 2)

    monkeypatch.setitem(TargetHandlerFactory._handlers, "task", Odd)
    with pytest.warns(DeprecationWarning, match="the plugin fetches the data itself"):
        ExportAction.dispatch(platform.params(project), platform.ctx())
