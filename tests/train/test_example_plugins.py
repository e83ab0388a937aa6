"""The example plugins pass their own tests, and annotate tasks of a real server."""

import asyncio
import sys
from pathlib import Path

import pytest

from synapse_sdk.plugins.discovery import PluginDiscovery
from tests.conftest import run_synapse
from tests.export.platform import Platform, open_installation
from tests.export.support import make_ctx

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("annotations-from-files", "synapse_sdk"),
        ("classical-segmenter", "skimage"),
        # It installs torch into an environment of the plugin's own: minutes.
        pytest.param("digits-classifier", "torch", marks=pytest.mark.system),
    ],
)
def test_example_passes_its_own_tests(name, needs):
    pytest.importorskip(needs, reason=f"{needs} is not installed")
    done = run_synapse("plugin", "test", "--path", str(PLUGINS / name), check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["classical-segmenter", "digits-classifier"])
def test_example_offers_what_its_configuration_says(name):
    config = PluginDiscovery.from_path(PLUGINS / name).config
    assert {"to_task", "inference", "deployment"} <= set(config.actions)
    resources = config.get_action("inference").settings["required_resources"]
    assert resources["required_gpu_count"] == 0


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    with open_installation(tmp_path_factory.mktemp("examples")) as installation:
        yield installation


@pytest.fixture
def segmenter(monkeypatch):
    """The plugin's modules, imported from its folder."""
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    _forget_plugins()
    monkeypatch.syspath_prepend(str(PLUGINS / "classical-segmenter"))
    yield
    _forget_plugins()


def _forget_plugins():
    """Every plugin's package has the name `plugin`."""
    for module in [module for module in sys.modules if module == "plugin" or module.startswith("plugin.")]:
        del sys.modules[module]


class AgentOf:
    """An agent that serves the segmenter in this process; files of the test server are fetched for it."""

    def __init__(self, client, folder):
        from plugin.inference import Segmenter

        self._client, self._folder, self._served = client, folder, Segmenter()

    def infer_serve_application(self, name, *, find_model, method="post", path="/", json=None):
        assert name == "classical-segmenter@1.0.0"
        image = self._folder / str(abs(hash(json["image_path"])))
        image.write_bytes(self._client.anonymous.get(json["image_path"]).content)
        return asyncio.run(self._served.infer(**{**json, "image_path": str(image)}))


def test_segmenter_pre_annotates_photographs_of_a_project(installation, tmp_path, segmenter, monkeypatch):
    import skimage
    from plugin.to_task import ToTask

    platform = Platform(installation, tmp_path / "exports")
    ctx = platform.ctx()
    collection = ctx.v2_client.data_collections.create(
        name="photographs", file_specifications=[{"name": "image", "is_primary": True}]
    )
    project = ctx.v2_client.projects.create(name="photographs", data_collection=collection["id"])["id"]
    coins = Path(skimage.__file__).parent / "data" / "coins.png"
    ctx.client.upload_data_collection(collection["id"], [{"files": {"image": coins}}], project_id=project)
    release = {"id": 1, "version": "1.0.0", "config": {"code": "classical-segmenter"}}
    running = [{"name": "classical-segmenter@1.0.0", "status": "RUNNING", "version": "1.0.0"}]
    model = ctx.client.create_model({"name": "otsu"})
    # Publishing and serving have tests of their own; here they are given.
    monkeypatch.setattr(type(ctx.client), "get_plugin_release", lambda _self, _release: release)
    monkeypatch.setattr(type(ctx.client), "list_serve_applications", lambda _self, **_filters: running)
    monkeypatch.setattr("synapse_sdk.plugins.actions.to_task.steps.fetch_tasks._run_facts", _facts_without_release)

    agent = AgentOf(ctx.client, tmp_path)
    run = make_ctx(client=ctx.client, agent_client=agent)
    params = {"name": "segment", "project": project, "agent": 1, "method": "inference", "model": model["id"]}
    further = {"category": "coin", "min_area": 400}
    result = ToTask.dispatch({**params, "pre_processor": 1, "pre_processor_params": further}, run)

    assert (result.success_count, result.failures) == (1, [])
    (task,) = ctx.client.get_tasks({"project": project})[0]
    assert 18 <= len(task["data"]["annotations"]) <= 30
    (row,) = ctx.client.list_pre_annotations({"task": task["id"]}, list_all=True)[0]
    assert (row["model_id"], row["run_id"]) == (model["id"], result.run_id)
    assert 0.5 < row["score"] <= 1


def _facts_without_release(context):
    return {"id": "segment-1", "project": context.wanted.project, "method": "inference", "model": context.wanted.model}


def test_digits_train_store_and_start_again_from_what_was_stored(installation, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    _forget_plugins()
    monkeypatch.syspath_prepend(str(PLUGINS / "digits-classifier"))
    try:
        from plugin.train import Train

        platform = Platform(installation, tmp_path / "exports")
        first = Train.dispatch({"epochs": 10}, platform.ctx())
        stored = platform.ctx().client.get_model(first["model_id"])
        assert stored["metadata"]["accuracy"] == first["accuracy"]
        again = Train.dispatch({"epochs": 1, "checkpoint": first["model_id"]}, platform.ctx())
        assert again["accuracy"] >= first["accuracy"] - 0.05
    finally:
        _forget_plugins()
