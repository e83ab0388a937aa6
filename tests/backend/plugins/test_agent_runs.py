"""What agents ask and tell about their runs: each job once, for its own agent, with a truthful end."""

import threading
import time
import uuid
from datetime import timedelta

import pytest

from tests.backend.plugins.archives import ARCHIVE, publish
from web_helper.backend.api.plugins import jobs as jobs_api
from web_helper.backend.models import Agent, Job
from web_helper.backend.models.base import utc_now
from web_helper.backend.services.plugins import jobs
from web_helper.backend.services.plugins.agent_runs import end_runs_of_silent

ENDED = {"status": "succeeded", "exit_kind": "returned", "exit_code": 0, "result": {"value": 1}}


class Host:
    """An agent as the server sees it."""

    def __init__(self, client, name="host"):
        self.client = client
        registered = client.post("/v2/agents/", json={"name": name, "url": "http://127.0.0.1:8200"}).json()["data"]
        self.id, self.key = registered["id"], registered["token"]
        client.post(f"/agents/{self.key}/connect/", json={})

    def post(self, path, **body):
        return self.client.post(f"/v2/agent-runs/{path}", json=body, headers={"SYNAPSE-Agent": f"Token {self.key}"})

    def claim(self, **body):
        return self.post("claim/", **body).json()["data"]

    def start(self, job):
        return self.post(f"{job}/start/")

    def report(self, job, **body):
        return self.post(f"{job}/report/", **body)


@pytest.fixture
def host(client):
    assert publish(client).status_code == 201
    return Host(client)


def run(client, agent=None, **body):
    agent_id = {"agent": agent.id} if agent else {}
    return client.post("/plugins/yolo/run/", json={"action": "train", **agent_id, **body}).json()


def job_of(client, job):
    return client.get(f"/jobs/{job['id']}/").json()


def test_a_run_is_claimed_started_reported_and_kept(client, make, host):
    job = run(client, host, params={"epochs": 2})
    assert host.claim() == {"start": [job["id"]], "stop": []}

    start = host.start(job["id"]).json()["data"]

    assert (start["action"], start["params"], start["plugin"], start["version"]) == (
        "train",
        {"epochs": 2},
        "yolo",
        "1.0.0",
    )
    assert client.get(start["archive_url"]).content == ARCHIVE
    assert job_of(client, job)["status"] == "running"
    # The run acts for whoever started it, as nothing more, until it ends.
    with make.client_with(start["token"]) as run_client:
        assert run_client.patch(f"/jobs/{job['id']}/", json={"metrics_record": {"a": 1}}).status_code == 200
        assert run_client.post("/v2/tokens/", json={"name": "x", "scopes": ["admin"]}).status_code == 403
        state = host.report(job["id"], console={"position": 0, "size_bytes": 4, "text": "hi!\n"}, ending=ENDED)
        assert state.json()["data"] == {"status": "succeeded", "console_size": 4, "stop_requested": False}
        assert run_client.get("/v2/jobs/").status_code == 401
    ended = job_of(client, job)
    assert (ended["status"], ended["result"], ended["exit_kind"], ended["exit_code"]) == (
        "succeeded",
        {"value": 1},
        "returned",
        0,
    )
    assert ended["metrics_record"] == {"a": 1}
    assert host.claim(runs=[job["id"]]) == {"start": [], "stop": []}


def test_starting_twice_gives_a_new_key_and_ends_the_former(client, make, host):
    job = run(client, host)
    first, second = (host.start(job["id"]).json()["data"]["token"] for _ in range(2))

    assert make.client_with(first).get("/v2/jobs/").status_code == 401
    assert make.client_with(second).get("/v2/jobs/").status_code == 200


def test_another_agents_jobs_are_not_there(client, host):
    job, other = run(client, host), Host(client, "other")

    assert other.claim() == {"start": [], "stop": []}
    assert other.start(job["id"]).status_code == 404
    assert other.report(job["id"], ending=ENDED).status_code == 404
    host.key = "syn_wrong"
    assert host.post("claim/").status_code == 401
    assert host.start(job["id"]).status_code == 401


def test_no_more_runs_are_given_than_there_are_slots(client, host):
    jobs = [run(client, host)["id"] for _ in range(3)]

    assert host.claim(free_slots=2)["start"] == jobs[:2]
    assert host.claim(free_slots=0)["start"] == []


def test_a_waiting_claim_answers_when_a_job_comes(client, host):
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(host.claim(wait_seconds=20)))
    waiting.start()
    time.sleep(0.3)
    job = run(client, host)
    waiting.join(60)

    assert answers == [{"start": [job["id"]], "stop": []}]


def test_a_job_that_waits_is_stopped_at_once_and_never_starts(client, host):
    job = run(client, host)

    assert client.post(f"/jobs/{job['id']}/stop/").json()["status"] == "stopped"

    assert host.claim()["start"] == []
    assert host.start(job["id"]).status_code == 409


@pytest.mark.parametrize("ask", ["stop", "patch"])
def test_a_run_stops_when_its_agent_says_so(client, host, ask):
    job = run(client, host)
    host.start(job["id"])
    path = f"/jobs/{job['id']}/"

    answer = client.post(f"{path}stop/") if ask == "stop" else client.patch(path, json={"status": "stopped"})

    assert (answer.json()["status"], answer.json()["stop_requested_at"] is None) == ("running", False)
    assert host.claim(runs=[job["id"]])["stop"] == [job["id"]]
    assert host.report(job["id"]).json()["data"]["stop_requested"]
    host.report(job["id"], ending={"status": "stopped", "exit_kind": "stopped"})
    assert job_of(client, job)["status"] == "stopped"
    assert client.post(f"{path}stop/").json()["status"] == "stopped"


def test_nobody_but_the_agent_says_how_a_run_ends(client, host):
    job = run(client, host)
    host.start(job["id"])

    assert client.patch(f"/jobs/{job['id']}/", json={"status": "succeeded"}).status_code == 409
    assert job_of(client, job)["status"] == "running"


def test_a_console_that_is_too_long_keeps_its_beginning_whatever_comes(client, host):
    job = run(client, host)
    host.start(job["id"])
    part = "x" * 199_999 + "\n"
    for position, text in enumerate(["first\n", *[part] * 12, "last\n"]):
        size = len(text)
        start = 0 if position == 0 else 6 + (position - 1) * len(part)
        assert host.report(job["id"], console={"position": start, "size_bytes": size, "text": text}).status_code == 200

    console = client.get(f"/v2/jobs/{job['id']}/console-logs/").json()["data"]["console_logs"]
    assert len(console) == 2_000_000
    assert (console[:6], console[-5:], console.count("left out here")) == ("first\n", "last\n", 1)


def test_who_follows_a_console_that_is_too_long_is_sent_each_line_once(client, host, monkeypatch):
    job = run(client, host)
    host.start(job["id"])
    printed, look = [], jobs.console_state

    def print_and_look(call, job_id):
        if len(printed) < 30:
            text, start = f"{len(printed):02}{'x' * 199_997}\n", 200_000 * len(printed)
            host.report(job["id"], console={"position": start, "size_bytes": len(text), "text": text})
            printed.append(text)
        else:
            host.report(job["id"], ending=ENDED)
        return look(call, job_id)

    monkeypatch.setattr(jobs, "console_state", print_and_look)
    monkeypatch.setattr(jobs_api, "TAIL_SECONDS", 0)

    followed = client.get(f"/async/jobs/{job['id']}/tail_console_logs/").text

    assert [line[:2] for line in followed.splitlines()] == [line[:2] for line in printed]
    assert followed == "".join(printed)


def test_console_parts_are_taken_once_and_can_be_read_from_any_position(client, host):
    job = run(client, host)
    host.start(job["id"])
    for position, text in ((0, "one\n"), (0, "one\n"), (4, "둘\n")):
        host.report(job["id"], console={"position": position, "size_bytes": len(text.encode()), "text": text})

    path = f"/v2/jobs/{job['id']}/console-logs/"
    assert client.get(path).json()["data"] == {"console_logs": "one\n둘\n", "size_bytes": 8}
    assert client.get(path, params={"after": 4}).json()["data"]["console_logs"] == "둘\n"
    assert client.get(path, params={"after": 8}).json()["data"]["console_logs"] == ""


def test_the_first_end_counts(client, host):
    job = run(client, host)
    host.start(job["id"])
    host.report(job["id"], ending=ENDED)
    host.report(job["id"], ending={"status": "failed", "exit_kind": "signal", "error": "late"})

    assert (job_of(client, job)["status"], job_of(client, job)["error"]) == ("succeeded", None)


def test_a_run_that_its_agent_forgot_is_lost_and_its_true_end_still_counts(client, host):
    job = run(client, host)
    host.start(job["id"])
    host.claim(runs=[])
    lost = job_of(client, job)
    assert (lost["status"], lost["exit_kind"]) == ("failed", "lost")
    assert "does not know this run" in lost["error"]

    host.report(job["id"], ending=ENDED)

    assert (job_of(client, job)["status"], job_of(client, job)["error"]) == ("succeeded", None)


def test_jobs_of_an_agent_that_stays_silent_are_given_up(client, database, host):
    waiting, running = run(client, host), run(client, host)
    host.start(running["id"])
    young = run(client, host)
    past = utc_now() - timedelta(hours=2)
    with database.write() as session:
        session.get_one(Agent, host.id).last_seen_at = past
        for job in (waiting, running):
            session.get_one(Job, job["id"]).created = past
        assert set(end_runs_of_silent(session, utc_now() - timedelta(hours=1))) == {waiting["id"], running["id"]}

    assert "never started" in job_of(client, waiting)["error"]
    assert "may still run" in job_of(client, running)["error"]
    assert job_of(client, young)["status"] == "pending"


def test_deleting_an_agent_ends_its_jobs(client, host):
    job = run(client, host)

    assert client.delete(f"/v2/agents/{host.id}/").status_code == 204

    assert (job_of(client, job)["exit_kind"], job_of(client, job)["status"]) == ("lost", "failed")


def test_a_run_whose_release_is_gone_cannot_start(client, host):
    job = run(client, host)
    client.delete("/plugins/yolo/")

    assert host.start(job["id"]).status_code == 409
    assert host.start(str(uuid.uuid4())).status_code == 404


def test_an_agent_finds_the_archive_of_a_release_and_nobody_else_does(client, host):
    headers = {"SYNAPSE-Agent": f"Token {host.key}"}

    found = client.get("/v2/agent-runs/releases/yolo@1.0.0/", headers=headers).json()["data"]

    assert client.get(found["archive_url"]).content == ARCHIVE
    assert client.get("/v2/agent-runs/releases/yolo@9/", headers=headers).status_code == 404
    assert client.get("/v2/agent-runs/releases/yolo/", headers=headers).status_code == 404
    stranger = {"SYNAPSE-Agent": "Token wrong"}
    assert client.get("/v2/agent-runs/releases/yolo@1.0.0/", headers=stranger).status_code == 401
