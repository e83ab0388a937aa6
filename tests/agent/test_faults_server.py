"""A server that is away in the middle of a job, for longer than any request is repeated by default: nothing is lost."""

import os
import time

import pytest

from tests.agent.stage import until
from tests.bench.images import write_images
from tests.to_task.test_files import VOC

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent"), pytest.mark.timeout(600)]
# 30 in `make nightly`.
OUTAGE_SECONDS = float(os.environ.get("SYNAPSE_OUTAGE_SECONDS", "6"))
COUNT = 60
TO_TASK = """
from synapse_sdk.plugins.actions.to_task import FileToTaskAction
print("begun")
return FileToTaskAction.dispatch(self.params.value, self.ctx).model_dump(mode="json")
"""


@pytest.fixture(scope="module")
def project(stage, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "file_type": "data"}]
    collection = stage.v2.data_collections.create(name="away", file_specifications=specifications)["id"]
    project = stage.v2.projects.create(name="away", data_collection=collection)["id"]
    write_images(folder / "images", ["a.png"])
    (folder / "a.xml").write_text(VOC)
    files = {"image": folder / "images" / "a.png", "labels": folder / "a.xml"}
    stage.v1.upload_data_collection(collection, [{"files": files} for _ in range(COUNT)], project_id=project)
    return project


def rows_of(stage, job):
    return list(stage.v1.list_pre_annotations({"run": job}, list_all=True)[0])


def test_a_pre_annotation_waits_for_its_server_and_annotates_each_task_once(stage, agent, project):
    params = {"name": "away", "project": project, "agent": agent.id, "target_specification_name": "labels"}
    code = stage.publish(TO_TASK)
    job = stage.run(code, agent, value={**params, "batch_size": 1, "concurrency": 1})
    until(lambda: stage.console(job) and rows_of(stage, job))

    stage.kill_server()
    time.sleep(OUTAGE_SECONDS)
    stage.revive_server()

    ended = stage.wait(job)
    result = ended["result"]
    assert (ended["status"], result["status"]) == ("succeeded", "SUCCEEDED"), ended
    assert (result["total_tasks"], result["success_count"], result["failures"]) == (COUNT, COUNT, [])
    tasks = [row["task_id"] for row in rows_of(stage, job)]
    assert len(tasks) == len(set(tasks)) == COUNT
    assert ended["metrics_record"]["record"]["steps"]["annotate_task_data"]["success"] == COUNT
    again = stage.wait(stage.run(code, agent, value=params))["result"]
    assert (again["success_count"], again["skipped_count"]) == (COUNT, COUNT)
    assert stage.v1.undo_pre_annotation_run(job) == {"restored": COUNT, "kept": 0}


def test_jobs_that_were_asked_for_before_and_after_an_outage_all_run(stage, agent):
    code = stage.publish("return self.ctx.job_id")
    waiting = [stage.run(code, agent) for _ in range(3)]
    stage.kill_server()
    time.sleep(OUTAGE_SECONDS / 2)
    stage.revive_server()

    jobs = [*waiting, stage.run(code, agent)]

    assert [stage.wait(job)["result"] for job in jobs] == jobs
