"""A run from its start to its end: the manifest, the log and the metrics, comparing, running again."""

import json

import pytest

from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.experiments import RecordedComponent, RunOutcome
from tests.backend.experiments.lab import CONFIG, refused, sha256
from tests.backend.factories import SQLITE_ONLY

OTHER = RecordedComponent(hash="0" * 16, sha256="0" * 64)


@pytest.fixture
def host(lab):
    return lab.host()


@pytest.fixture
def job(lab, host):
    lab.submit_one()
    return host.take()


def seeds_manifest(client, uid, status=200):
    answer = client.get(f"/api/components/manifest/{uid}")
    assert answer.status_code == status, answer.text
    return answer.json()["data"]["components"] if status == 200 else None


def test_what_a_run_began_with_is_recorded_and_both_manifests_agree(lab, host, job, client):
    uid = job.experiment.uid
    seeds_manifest(client, uid, 404)

    assert host.start(job).status == "running"

    shown = lab.people.get_experiment(uid)
    assert shown["manifest"] == host.manifest(job).model_dump(mode="json")
    assert shown["manifest"]["components"] == shown["components"]
    assert seeds_manifest(client, uid) == {path: each["hash"] for path, each in shown["components"].items()}


def test_a_manifest_never_changes(lab, host, job, client):
    host.start(job)
    before = lab.people.get_experiment(job.experiment.uid)["manifest"]

    assert host.start(job).status == "running"  # The same again: the answer may have been lost.
    for changes in ({"gpu": "another"}, {"core_hash": "d" * 64}, {"python": "3.12"}, {"lock_sha256": None}):
        with pytest.raises(ConflictError):
            host.start(job, **changes)
    answer = client.post(f"/api/components/manifest/{job.experiment.uid}", json={"loss/focal.py": "0" * 16})
    assert answer.status_code == 400
    focal = next(row["hash"] for row in lab.store.list_aliases("loss/focal.py"))
    answer = client.post(f"/api/components/manifest/{job.experiment.uid}", json={"loss/focal.py": focal})
    assert answer.status_code == 409

    assert lab.people.get_experiment(job.experiment.uid)["manifest"] == before


def test_the_documented_manifest_endpoint_takes_what_was_frozen_and_a_worker_may_post_it(lab, host, job, make):
    uid = job.experiment.uid
    worker = make.client_with(host.token)
    frozen = {path: each.hash for path, each in job.components.items()}

    assert worker.post(f"/api/components/manifest/{uid}", json=frozen).json()["data"]["component_count"] == 3
    short = dict(list(frozen.items())[:-1])
    assert worker.post(f"/api/components/manifest/{uid}", json=short).status_code == 409
    assert worker.post("/api/components/manifest/somebody-elses", json=frozen).status_code == 403
    assert host.start(job).status == "running"
    assert seeds_manifest(worker, uid) == frozen


@SQLITE_ONLY
@pytest.mark.parametrize(
    "wrong",
    [
        lambda job: {"components": {}},
        lambda job: {"components": {**job.components, "loss/focal.py": OTHER}},
        lambda job: {"components": dict.fromkeys(job.components, OTHER)},
        lambda job: {"components": {path: job.components[path] for path in list(job.components)[1:]}},
        lambda job: {"components": {f"../{path}": each for path, each in job.components.items()}},
        lambda job: {"config_sha256": "0" * 64},
        lambda job: {"seed": 8},
        lambda job: {"host": "gpu-2"},
    ],
)
def test_a_run_that_has_not_exactly_what_was_frozen_does_not_start(lab, host, job, client, wrong):
    with pytest.raises(ConflictError) as caught:
        host.start(job, **wrong(job))

    assert "does not start" in caught.value.detail["error"]["message"]
    assert lab.status(job.experiment.uid) == "assigned"
    seeds_manifest(client, job.experiment.uid, 404)
    why = "loss/ce.py did not arrive"
    assert host.end(job, RunOutcome.FAILED, message=why).message == why
    assert lab.people.get_experiment(job.experiment.uid)["manifest"] is None


@SQLITE_ONLY
def test_a_run_that_never_began_cannot_complete(lab, host, job):
    with refused(409):
        host.end(job, RunOutcome.COMPLETED)
    assert lab.status(job.experiment.uid) == "assigned"


def test_an_end_is_told_twice_and_is_one_end(host, job):
    first = host.run(job)
    assert host.end(job).finished_at == first.finished_at
    with refused(409):
        host.end(job, RunOutcome.FAILED)


def test_deltas_arrive_once_and_whole_whatever_is_sent_again(lab, host, job):
    host.start(job)
    uid, attempt = job.experiment.uid, job.attempt
    data = bytes(range(256)) * 4  # No text, and taken all the same.

    assert host.client.send_log(uid, attempt, 0, data[:500]).log == 500
    assert host.client.send_log(uid, attempt, 0, data[:500]).log == 500
    assert host.client.send_log(uid, attempt, 100, data[100:700]).log == 700  # Overlaps, as after a lost answer.
    assert host.client.send_log(uid, attempt, 650, b"").log == 700
    with pytest.raises(ConflictError) as gap:
        host.client.send_log(uid, attempt, 701, data[701:])
    with pytest.raises(ConflictError):
        host.client.send_log(uid, attempt, 699, b"other bytes")
    assert gap.value.detail["error"]["details"] == [{"field": "received", "message": "700"}]
    received = host.client.get_received(uid)
    assert (received.log, received.metrics, received.attempt, received.status) == (700, 0, attempt, "running")
    host.client.send_log(uid, attempt, received.log, data[received.log :])

    assert read_log(lab.people, uid) == data.decode(errors="replace")


@SQLITE_ONLY
def test_bytes_that_are_not_what_was_announced_are_refused(lab, host, job, make):
    host.start(job)
    worker = make.client_with(host.token)
    body = {"attempt": 1, "offset": 0, "sha256": sha256(b"other"), "data": "aGVsbG8="}
    path = f"/api/experiments/{job.experiment.uid}/log"

    assert worker.post(path, json=body).status_code == 400
    assert worker.post(path, json=body | {"data": "no base64!"}).status_code == 400
    assert worker.post(path, json=body | {"offset": -1}).status_code == 400
    assert worker.post(path, json=body | {"sha256": sha256(b"hello")}).status_code == 200
    assert make.client.post(path, json=body | {"sha256": sha256(b"hello")}).status_code == 403


def test_metrics_are_rows_and_go_on_where_they_were_read(lab, host, job):
    host.start(job)
    uid = job.experiment.uid
    host.client.send_metrics(uid, 1, 0, b'{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "lo')
    first = lab.people.get_metrics(uid)
    assert first == {"rows": [{"epoch": 1, "loss": 0.5}], "next_offset": 26}
    host.client.send_metrics(uid, 1, 42, b'ss": NaN}\nnoise\n{"epoch": 3, "loss": 0.25}\n')

    assert lab.people.get_metrics(uid, first["next_offset"])["rows"] == [
        {"epoch": 2, "loss": "NaN"},
        {"epoch": 3, "loss": 0.25},
    ]


def read_log(people: ExperimentClient, uid: str, offset: int = 0) -> str:
    return "".join(event["text"] for event in people.follow_log(uid, offset, follow=False))


def test_a_log_is_followed_from_the_last_event_on(lab, host, job, client):
    host.start(job)
    uid = job.experiment.uid
    host.client.send_log(uid, 1, 0, "épo".encode() + "é".encode()[:1])

    headers = {"Last-Event-ID": "2"}
    begun = client.get(f"/api/experiments/{uid}/log?follow=false", headers=headers)
    host.client.send_log(uid, 1, 5, "é".encode()[1:] + b"\n")
    host.end(job)
    whole = client.get(f"/api/experiments/{uid}/log")

    assert begun.headers["content-type"].startswith("text/event-stream")
    # A character that is cut off waits for its rest.
    assert events_of(begun.text) == [("log", "4", {"offset": 4, "text": "po"}), ("end", None, "running")]
    assert events_of(whole.text) == [
        ("log", "7", {"offset": 7, "text": "époé\n"}),
        ("end", None, "completed"),
    ]
    assert read_log(lab.people, uid, 4) == "é\n"
    assert client.get(f"/api/experiments/{uid}/log", headers={"Last-Event-ID": "x"}).status_code == 400


def events_of(text: str) -> list[tuple[str, str | None, object]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        data = fields["data"]
        found.append((fields["event"], fields.get("id"), json.loads(data) if data.startswith("{") else data))
    return found


@SQLITE_ONLY
def test_a_long_log_comes_whole(lab, host, job):
    host.start(job)
    uid, line = job.experiment.uid, ("ü" * 99 + "\n").encode()
    block = line * 4000
    for start in range(0, 2 * len(block), len(block)):
        host.client.send_log(uid, 1, start, block)
    host.end(job)

    events = list(lab.people.follow_log(uid))

    assert len(events) > 4
    assert "".join(event["text"] for event in events).encode() == block * 2
    assert "\ufffd" not in events[0]["text"]


def test_two_experiments_are_compared(lab, host):
    first = lab.submit_one()
    host.run(host.take())
    lab.put({"loss/ce.py": "x = 2\n"})
    second = lab.submit_one(CONFIG.replace("width=8", "width=16"))
    job = host.take()
    host.client.start(second, job.attempt, host.manifest(job, gpu="H100", environment={"torch": "2.14"}))
    host.client.send_metrics(second, job.attempt, 0, b'{"epoch": 1, "loss": 0.4, "time": 3}\n')
    host.end(job)

    found = lab.people.compare(first, second)

    def keys(kind):
        return [(each["key"], each["a"], each["b"]) for each in found[kind]]

    assert keys("config") == [("model", "net(width=8)", "net(width=16)")]
    assert [key for key, _, _ in keys("components")] == ["loss/ce.py"]
    assert keys("environment") == [("gpu", "none", "H100"), ("environment.torch", "2.13", "2.14")]
    assert keys("metrics") == [("loss", 0.5, 0.4)]
    assert not found["same_metrics"]


def test_an_experiment_runs_again_with_exactly_what_was_recorded(lab, host):
    uid = lab.submit_one("model: net(width=8)\nloss: ce\n")
    original = host.take()
    host.run(original)
    lab.put({"loss/ce.py": "x = 2\n", "model/block.py": "depth = 9\n"})

    again = lab.people.reproduce(uid, key="once")
    assert lab.people.reproduce(uid, key="once")["uid"] == again["uid"]
    job = host.take()
    host.run(job)

    assert (job.experiment.uid, job.experiment.reproduces) == (again["uid"], uid)
    assert (job.components, job.config, job.seed) == (original.components, original.config, original.seed)
    assert job.reproduces == host.manifest(original)
    found = lab.people.compare(uid, again["uid"])
    assert found["same_metrics"]
    assert [found[kind] for kind in ("config", "components", "environment", "metrics")] == [[], [], [], []]
