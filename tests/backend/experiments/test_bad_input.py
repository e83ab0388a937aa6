"""Whatever is sent, the answer is a refusal that says so, or an answer: never a 5xx."""

import copy
from collections.abc import Iterator

import pytest

from tests.backend.experiments.lab import CONFIG, sha256
from tests.backend.experiments.test_notifications import conflict
from tests.backend.factories import SQLITE_ONLY

NASTY = (
    None, True, -1, 2**63, 2**200, 1e308, "", "\x00", "a\x00b", "\ud7ff\uffff", "../../etc/passwd", "/etc/passwd", "x" * 300_000,
    [], {}, [[]], {"a": {"b": [1, None]}}, ["x"] * 3, {"x" * 500: 1}, "'; DROP TABLE experiments; --", "%00", "{{seed}}",
)  # fmt: skip


def spoiled(body: dict) -> Iterator[dict]:
    """The body with one of its values replaced, at any depth, or left out."""
    for key, value in body.items():
        yield {name: each for name, each in body.items() if name != key}
        for nasty in NASTY:
            yield {**body, key: nasty}
        if isinstance(value, dict):
            for inner in spoiled(value):
                yield {**body, key: inner}


def requests_of(lab, host, job) -> dict[str, tuple[str, dict]]:
    uid = job.experiment.uid
    delta = {"attempt": 1, "offset": 0, "sha256": sha256(b"hello"), "data": "aGVsbG8="}
    beat = {
        "host_id": "gpu-1", "cpu_percent": 1.0, "cpu_count": 2, "memory_total_bytes": 3, "torch_version": "2", "slots": 1,
        "code_version": {"git_hash": "a", "git_dirty": False}, "gpus": [{"index": 0}],
        "active_jobs": [{"uid": uid, "attempt": 1}],
    }  # fmt: skip
    return {
        "submit": ("experiments", {"config": CONFIG, "file": "a.yaml", "name": "n", "project": "p", "device": "d",
                                   "priority": "low", "hold": True, "alias": "active", "pinned": {}, "key": "k",
                                   "expires_in_seconds": 5}),
        "reproduce": (f"experiments/{uid}/reproduce", {"device": "d", "priority": "low", "key": "r"}),
        "enrol": ("devices", {"host_id": "gpu-9"}),
        "beat": ("devices/heartbeat", beat),
        "next": ("devices/gpu-1/jobs/next", {"active": [uid]}),
        "start": (f"experiments/{uid}/start", {"attempt": 1, "manifest": host.manifest(job).model_dump(mode="json")}),
        "log": (f"experiments/{uid}/log", delta),
        "complete": (f"experiments/{uid}/complete", {"attempt": 1, "status": "failed", "exit_code": 1, "message": "m"}),
        "report": ("notifications", conflict().model_dump(mode="json")),
        "carried": ("notifications/1/carried", {"is_done": True, "message": "m"}),
        "answer": ("notifications/1/answer", {"resolution": "skip"}),
    }  # fmt: skip


OF_PEOPLE = {"submit", "reproduce", "enrol", "answer"}


@pytest.fixture
def answers(lab, make):
    """Sends every spoiled body of one request; the statuses of the answers."""
    host = lab.host()
    lab.submit_one()
    job = host.take()
    host.client.report_conflict(conflict())
    worker = make.client_with(host.token)

    def send(name: str) -> set[int]:
        path, body = requests_of(lab, host, job)[name]
        client = make.client if name in OF_PEOPLE else worker
        statuses = set()
        for spoilt in spoiled(copy.deepcopy(body)):
            answer = client.post(f"/api/{path}", json=spoilt)
            assert answer.status_code < 500, (spoilt, answer.text)
            statuses.add(answer.status_code)
        return statuses

    return send


@SQLITE_ONLY
@pytest.mark.parametrize(
    "name", ["submit", "reproduce", "enrol", "beat", "next", "start", "log", "complete", "report", "carried", "answer"]
)
def test_no_body_breaks_the_server(answers, name):
    assert 400 in answers(name)


@pytest.mark.parametrize("uid", ["%00", "..%2f..%2fetc", "x" * 5000, "é", "'", "%ff", "None"])
def test_no_name_in_a_path_breaks_the_server(lab, client, uid):
    for path in (f"experiments/{uid}", f"experiments/{uid}/log", f"experiments/{uid}/metrics", f"experiments/{uid}/config",
                 f"experiments/compare?a={uid}&b={uid}", f"experiments?before={uid}&project={uid}&device={uid}",
                 f"experiments/{uid}/received"):  # fmt: skip
        assert client.get(f"/api/{path}").status_code in (200, 400, 404), path
    for path in (f"versions/hash/{uid}", f"versions/hash/{'0' * 16}?path={uid}", f"versions/{uid}", f"versions/model/{uid}",
                 f"manifest/{uid}", f"changes?path={uid}", f"aliases?path={uid}"):  # fmt: skip
        assert client.get(f"/api/components/{path}").status_code in (400, 404), path
    for verb in ("cancel", "pause", "resume"):
        assert client.post(f"/api/experiments/{uid}/{verb}").status_code in (400, 404), verb
