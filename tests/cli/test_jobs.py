from __future__ import annotations

import json

import pytest

from tests.cli.data_sets import make_voc

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
def export_job(synapse, platform, worker, tmp_path) -> str:
    """A server job that waits, because its worker does."""
    synapse.json("import", "voc", make_voc(tmp_path, 3), "--project", "jobs")
    worker.is_paused = True
    with platform.v2() as client:
        project = client.projects.list(search="jobs").first()
        yield client.plugin_exports.create(target="task", project=project["id"]).job_id
    worker.is_paused = False


def test_server_jobs_are_listed_shown_followed(synapse, worker, export_job):
    listed = {row["id"]: row for row in synapse.json("job", "list")}
    assert listed[export_job]["kind"] == "server"
    assert listed[export_job]["status"] == "QUEUED"
    assert export_job in synapse("job", "list").stdout
    worker.is_paused = False
    lines = synapse("job", "logs", export_job, "--follow", "--json").stdout.splitlines()
    assert json.loads(lines[-1])["event"] == "completed"
    shown = synapse.json("job", "show", export_job)
    assert shown["status"] == "SUCCEEDED"
    assert "SUCCEEDED" in synapse("job", "show", export_job).stdout
    assert "3 of 3 rows" in synapse("job", "logs", export_job).stdout


def test_a_waiting_server_job_is_cancelled(synapse, worker, export_job):
    assert synapse("job", "cancel", export_job).exit_code == 0
    worker.is_paused = False
    lines = synapse("job", "logs", export_job, "--follow", "--json").stdout.splitlines()
    assert json.loads(lines[-1])["event"] == "cancelled"


def test_plugin_runs_are_listed_shown_and_their_logs_printed(synapse, platform):
    with platform.v2() as client, platform.v1() as v1:
        run = client.jobs.create(action="count", params={"x": 1})
        v1.create_logs(
            [
                {
                    "event": "message",
                    "data": {"context": "info", "content": "hello\x1b[31m"},
                    "datetime": "2026-01-02 03:04:05.678901",
                    "job": run["id"],
                }
            ]
        )
        v1.update_job(run["id"], {"status": "succeeded"})
    listed = {row["id"]: row for row in synapse.json("job", "list", "--kind", "run")}
    assert listed[run["id"]]["status"] == "SUCCEEDED"
    assert synapse.json("job", "show", run["id"])["params"] == {"x": 1}
    printed = synapse("job", "logs", run["id"], "--follow")
    assert "hello\\x1b[31m" in printed.stdout
    entry = json.loads(synapse("job", "logs", run["id"], "--json").stdout.splitlines()[0])
    assert entry["data"]["content"] == "hello\x1b[31m"


def test_an_unknown_job_is_said_to_be_unknown(synapse):
    result = synapse("job", "show", "00000000-0000-0000-0000-000000000000")
    assert result.exit_code == 1
    assert "synapse job list" in result.stderr
