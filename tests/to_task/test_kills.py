"""Exactly once per task and model version: whoever is killed, and however the wire breaks."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.plugins.actions.to_task import FileToTaskAction
from synapse_sdk.testing import Fault
from tests.bench.images import write_images
from tests.to_task.test_files import VOC

COUNT, KILLS = 120, 4
RUNNER = """
import json, sys
from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.actions.to_task import FileToTaskAction
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.utils.auth import create_backend_client

ctx = RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({}), client=create_backend_client(), job_id="killed-often")
result = FileToTaskAction.dispatch(json.loads(sys.argv[1]), ctx)
print(result.model_dump_json())
"""


@pytest.mark.system
@pytest.mark.xdist_group("platform")
def test_a_run_that_is_killed_again_and_again_annotates_each_task_once(running_platform, tmp_path):
    with (
        BackendClient(running_platform.url, running_platform.token) as v1,
        BackendV2Client(running_platform.url, access_token=running_platform.token) as v2,
    ):
        specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "file_type": "data"}]
        collection = v2.data_collections.create(name="kills", file_specifications=specifications)["id"]
        project = v2.projects.create(name="kills", data_collection=collection)["id"]
        write_images(tmp_path / "images", ["a.png"])
        (tmp_path / "a.xml").write_text(VOC)
        files = {"image": tmp_path / "images" / "a.png", "labels": tmp_path / "a.xml"}
        v1.upload_data_collection(collection, [{"files": files} for _ in range(COUNT)], project_id=project)
        params = {
            "name": "kills",
            "project": project,
            "agent": 1,
            "target_specification_name": "labels",
            "batch_size": 2,
        }
        command = [sys.executable, "-c", RUNNER, json.dumps(params)]
        variables = {**os.environ, "SYNAPSE_HOST": running_platform.url, "SYNAPSE_ACCESS_TOKEN": running_platform.token}

        for _ in range(KILLS):
            process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            done = len(_rows(v1))
            deadline = time.monotonic() + 60
            while len(_rows(v1)) < done + 6 and process.poll() is None and time.monotonic() < deadline:
                time.sleep(random.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            process.wait()
        last = subprocess.run(command, env=variables, capture_output=True, text=True, check=True, timeout=120)

        result = json.loads(last.stdout)
        assert (result["status"], result["success_count"], result["failed_count"]) == ("SUCCEEDED", COUNT, 0)
        assert result["skipped_count"] > 0
        tasks = [row["task_id"] for row in _rows(v1)]
        assert len(tasks) == len(set(tasks)) == COUNT
        assert v1.undo_pre_annotation_run("killed-often") == {"restored": COUNT, "kept": 0}


def _rows(client):
    return list(client.list_pre_annotations({"run": "killed-often"}, list_all=True)[0])


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
