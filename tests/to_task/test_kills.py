"""Exactly once per task and model version: whoever is killed, and however the wire breaks."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
import zipfile

import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientError
from synapse_sdk.plugins.actions.to_task import FileToTaskAction
from synapse_sdk.testing import Fault
from tests.bench.images import write_images
from tests.to_task.test_files import VOC
from web_helper.launcher.home import Home

COUNT = 120
# Of each method; `SYNAPSE_KILLS=200`, or `make nightly`, for more. A seed that fails fails again.
KILLS = int(os.environ.get("SYNAPSE_KILLS", "4"))
KILLS_PER_RUN = 4
RUNNER = """
import json, sys
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.actions.to_task import FileToTaskAction, ToTaskAction
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.entrypoint import RUN_RETRY
from synapse_sdk.utils.auth import load_credentials

class Client(BackendClient):
    def list_serve_applications(self, params=None, **filters):
        return [{"status": "RUNNING", "name": "served"}]

class Agent:
    def infer_serve_application(self, name, **question):
        return {"found": []}

class InferringAction(ToTaskAction):
    def convert_data_from_inference(self, inference_data, task_data=None):
        return {"annotations": inference_data["found"]}

params, run_id = json.loads(sys.argv[1]), sys.argv[2]
credentials = load_credentials()
with Client(credentials.host, credentials.access_token, retry=RUN_RETRY) as client:
    ctx = RuntimeContext(NoOpLogger(), PluginEnvironment({}), client=client, agent_client=Agent(), job_id=run_id)
    action = InferringAction if params.get("method") == "inference" else FileToTaskAction
    print(action.dispatch(params, ctx).model_dump_json())
"""


class Scene:
    """A project on a running platform, and a pre-annotation of it that is killed."""

    def __init__(self, platform, v1, v2, folder):
        self.platform, self.v1, self.folder = platform, v1, folder
        name = f"kills {folder}"[-100:]
        specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "file_type": "data"}]
        collection = v2.data_collections.create(name=name, file_specifications=specifications)["id"]
        self.project = v2.projects.create(name=name, data_collection=collection)["id"]
        write_images(folder / "images", ["a.png"])
        (folder / "a.xml").write_text(VOC)
        files = {"image": folder / "images" / "a.png", "labels": folder / "a.xml"}
        v1.upload_data_collection(collection, [{"files": files} for _ in range(COUNT)], project_id=self.project)

    def params(self, method):
        common = {"name": "kills", "project": self.project, "agent": 1, "batch_size": 2, "method": method}
        if method == "file":
            return common | {"target_specification_name": "labels"}
        archive, code = self.folder / "plugin.zip", f"served-{uuid.uuid4().hex[:8]}"
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("config.yaml", f"name: Served\ncode: {code}\nversion: 1.0.0\nactions: {{}}\n")
        config = {"name": "Served", "code": code, "version": "1.0.0", "actions": {}}
        form = {"plugin": code, "version": "1.0.0", "config": config}
        release = self.v1.create_plugin_release(form, file=archive)["id"]
        return common | {"pre_processor": release, "model": self.model()}

    def model(self):
        (self.folder / "weights.bin").write_bytes(uuid.uuid4().bytes)
        return self.v1.create_model({"name": f"model {uuid.uuid4()}"}, file=self.folder / "weights.bin")["id"]

    def start(self, params, run_id):
        host = {"SYNAPSE_HOST": self.platform.url, "SYNAPSE_ACCESS_TOKEN": self.platform.token}
        command = [sys.executable, "-c", RUNNER, json.dumps(params), run_id]
        return subprocess.Popen(command, env={**os.environ, **host}, stdout=subprocess.PIPE, text=True)

    def finish(self, params, run_id):
        process = self.start(params, run_id)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        return json.loads(said)

    def rows(self, run_id):
        while True:
            try:
                return list(self.v1.list_pre_annotations({"run": run_id}, list_all=True)[0])
            except ClientError:  # Its server was killed a moment ago.
                time.sleep(0.1)

    def kill_server(self):
        os.kill(Home(self.platform.home).running().children["server"], signal.SIGKILL)


@pytest.fixture
def scene(running_platform, tmp_path):
    with (
        BackendClient(running_platform.url, running_platform.token) as v1,
        BackendV2Client(running_platform.url, access_token=running_platform.token) as v2,
    ):
        yield Scene(running_platform, v1, v2, tmp_path)


@pytest.mark.system
@pytest.mark.xdist_group("platform")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(-(-KILLS // KILLS_PER_RUN)))
@pytest.mark.parametrize("method", ["file", "inference"])
def test_kills_at_random_moments_annotate_each_task_once_by_each_model(scene, method, seed):
    chance, run_id, params = random.Random(seed), str(uuid.uuid4()), scene.params(method)

    for number in range(KILLS_PER_RUN):
        process = scene.start(params, run_id)
        done, deadline = len(scene.rows(run_id)), time.monotonic() + 60
        while len(scene.rows(run_id)) < min(done + 6, COUNT) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(chance.uniform(0, 0.02))
        if number % 2:
            # The run goes on when its server is there again; then it is killed, too.
            scene.kill_server()
            time.sleep(chance.uniform(0, 6))
        process.kill()
        process.communicate()
    result = scene.finish(params, run_id)

    assert (result["status"], result["success_count"], result["failed_count"]) == ("SUCCEEDED", COUNT, 0)
    assert result["skipped_count"] > 0
    tasks = [row["task_id"] for row in scene.rows(run_id)]
    assert len(tasks) == len(set(tasks)) == COUNT
    if method == "inference":
        # Another model's are others; and a run that comes back to the first adds nothing.
        other, first = str(uuid.uuid4()), str(uuid.uuid4())
        assert scene.finish({**params, "model": scene.model()}, other)["skipped_count"] == 0
        assert len(scene.rows(other)) == COUNT
        assert scene.finish(params, first)["skipped_count"] == COUNT
        assert scene.rows(first) == []
        assert scene.v1.undo_pre_annotation_run(other) == {"restored": COUNT, "kept": 0}
    assert scene.v1.undo_pre_annotation_run(run_id) == {"restored": COUNT, "kept": 0}


@pytest.mark.parametrize("part", ["tasks", "results", "undo"])
def test_a_wire_that_breaks_after_the_server_has_answered_changes_nothing(part, place, tmp_path):
    write_images(tmp_path / "images", ["a.png"])
    (tmp_path / "a.xml").write_text(VOC)
    tasks = place.add([(tmp_path / "images" / "a.png", tmp_path / "a.xml")] * 3)
    fault = Fault(f"/{part}/", lose_answer=True, times=2)
    result, _ = place.run(FileToTaskAction, fault, job_id=f"wire-{part}-{place.project}")
    assert (result.success_count, result.failures) == (3, [])
    assert all(place.data(task) for task in tasks)
    place.platform.ctx(fault).client.undo_pre_annotation_run(result.run_id)
    assert not any(place.data(task) for task in tasks)


def test_a_server_that_is_away_for_a_while_is_waited_for(place, tmp_path):
    write_images(tmp_path / "images", ["a.png"])
    (tmp_path / "a.xml").write_text(VOC)
    place.add([(tmp_path / "images" / "a.png", tmp_path / "a.xml")] * 2)
    away = Fault("/results/", status=503, times=3)
    result, _ = place.run(FileToTaskAction, away)
    assert (result.success_count, result.failures) == (2, [])
