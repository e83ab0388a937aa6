"""The worker as a real process: jobs done, killed, cancelled, stopped."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.agent.stage import until
from tests.backend.factories import SQLITE_ONLY, boxes
from web_helper.backend.models import AsyncJob

pytestmark = pytest.mark.system
ROWS, MANY = 4000, 8000
DEADLINE = 200
# A file per row, each synced: a job over `many_rows` lasts for seconds even on a fast disk.
SLOWLY = {"SYNAPSE_SERVER_BUNDLE_PART_ROWS": "1"}


# A worker that loses its database for a moment, right when it begins one of the steps of its first job.
LOSING = """
import os
from pathlib import Path
from sqlalchemy.exc import OperationalError
from web_helper.backend.jobs.conversion.kinds import Jobs
from web_helper.backend.worker import main
act, calls = getattr(Jobs, os.environ["LOST_IN"]), []
def losing(self, *args):
    calls.append(args)
    if len(calls) == 1:
        raise OperationalError("SELECT", {}, Exception("the connection is lost"))
    done = act(self, *args)
    Path(os.environ["DONE"]).touch()
    return done
setattr(Jobs, os.environ["LOST_IN"], losing)
main()
"""


@contextmanager
def worker(settings, *program, **more):
    """A worker process; its events are read from `events(process)` after it has ended."""
    environment = {
        **os.environ,
        "SYNAPSE_SERVER_HOME": str(settings.home),
        "SYNAPSE_SERVER_DATABASE_URL": settings.sqlalchemy_url,
        "SYNAPSE_SERVER_BASE_URL": settings.base_url,
        # Each part is synced to the disk: small ones make a job last, with few rows.
        "SYNAPSE_SERVER_BUNDLE_PART_ROWS": "5",
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, *(program or ("-m", "web_helper.backend.worker"))],
        env=environment, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stop(process) -> list[dict]:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    return [json.loads(line) for line in errors.splitlines()]


def wait_for(client, job_id: str, *statuses: str, processed: int = 0) -> dict:
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        job = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]
        if job["status"] in statuses and job["progress"]["processed"] >= processed:
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job is still {job['status']}, {job['progress']}")


def start(client, project) -> str:
    answer = client.post("/v2/plugin-exports/", json={"target": "task", "project": project["id"]})
    assert answer.status_code == 202, answer.text
    return answer.json()["data"]["job_id"]


def contents(settings, job: dict) -> dict[str, str]:
    folder = settings.storage_dir / job["bundle"]["prefix"]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def project(make):
    project = make.project()
    make.tasks(project, ROWS, data=boxes(*["cat", "dog"] * 10))
    make.tasks(project, 20, files=True, data=boxes("cat"))
    return project


@pytest.fixture
def many_rows(make, project):
    make.tasks(project, MANY)
    return project


def test_a_worker_that_is_killed_again_and_again_leaves_the_same_bundle(client, settings, project):
    with worker(settings) as process:
        undisturbed = contents(settings, wait_for(client, start(client, project), "SUCCEEDED"))
        events = stop(process)
    assert [event["event"] for event in events] == [
        "worker_started", "job_enqueued", "job_started", "job_ended", "worker_stopped",
    ]  # fmt: skip

    chance = random.Random(7)
    job_id, processed = start(client, project), 0
    for _ in range(4):
        with worker(settings) as process:
            job = wait_for(client, job_id, "RUNNING", "SUCCEEDED")
            time.sleep(chance.uniform(0, 0.6))
            process.kill()
            process.wait()
        job = client.get(f"/v2/async-jobs/{job_id}/").json()["data"]
        assert job["progress"]["processed"] >= processed
        processed = job["progress"]["processed"]
    folder = settings.storage_dir / "exports" / job_id
    with worker(settings):
        job = wait_for(client, job_id, "SUCCEEDED")
        # The clean-up follows the end of the row.
        until(lambda: [path.name for path in folder.iterdir()] == [job["bundle"]["prefix"].rsplit("/", 1)[1]], DEADLINE)
    assert contents(settings, job) == undisturbed


def test_a_running_job_is_cancelled_within_about_a_second_and_leaves_nothing(client, settings, many_rows):
    with worker(settings, **SLOWLY) as process:
        job_id = start(client, many_rows)
        wait_for(client, job_id, "RUNNING", processed=1)
        assert client.post(f"/v2/async-jobs/{job_id}/cancel/").json()["data"]["status"] == "RUNNING"
        asked = time.monotonic()
        job = wait_for(client, job_id, "CANCELLED", "SUCCEEDED")
        # About a second on a quiet machine; the job itself would go on for longer.
        assert time.monotonic() - asked < 30
        until(lambda: not (settings.storage_dir / "exports" / job_id).exists(), DEADLINE)
        events = stop(process)
    assert (job["status"], job["bundle"]) == ("CANCELLED", None)
    assert [event["event"] for event in events].count("job_ended") == 1


def test_a_worker_that_is_asked_to_stop_ends_soon_and_the_next_one_goes_on(client, settings, many_rows):
    with worker(settings, **SLOWLY) as process:
        job_id = start(client, many_rows)
        wait_for(client, job_id, "RUNNING")
        asked = time.monotonic()
        stop(process)
        assert process.returncode == 0
        assert time.monotonic() - asked < 60
    with worker(settings):
        assert wait_for(client, job_id, "SUCCEEDED")["bundle"]["manifest"]["row_count"] == ROWS + MANY + 20


def test_a_row_that_is_there_before_the_worker_is_found_by_it(client, settings, project, database):
    job_id = start(client, project)
    client.post(f"/v2/async-jobs/{job_id}/cancel/")
    with database.write() as session:
        lost = session.get_one(AsyncJob, job_id)
        session.add(AsyncJob(id="7b5d7e2e-0000-4000-8000-000000000001", kind="export", project_id=lost.project_id,
                             params=lost.params))  # fmt: skip
    with worker(settings):
        wait_for(client, "7b5d7e2e-0000-4000-8000-000000000001", "SUCCEEDED")


def test_a_second_worker_of_the_same_name_refuses_to_start(client, settings, project):
    with worker(settings):
        wait_for(client, start(client, project), "SUCCEEDED")
        with worker(settings) as second:
            _, errors = second.communicate(timeout=120)
            assert second.returncode == 3
            assert json.loads(errors)["event"] == "worker_refused"
        with worker(settings, SYNAPSE_SERVER_WORKER_NAME="other") as third:
            time.sleep(4)
            assert third.poll() is None


@SQLITE_ONLY
@pytest.mark.parametrize("step", ["build", "finish", "clean_up"])
def test_a_database_that_is_lost_for_a_moment_ends_no_job(client, settings, make, tmp_path, step):
    project, mark = make.project(), tmp_path / "done"
    make.tasks(project, 3)
    with worker(settings, "-c", LOSING, LOST_IN=step, DONE=str(mark)):
        wait_for(client, start(client, project), "SUCCEEDED")
        until(mark.exists, DEADLINE)
