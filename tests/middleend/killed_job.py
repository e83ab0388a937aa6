"""A job whose worker is killed, or whose disk is full or broken, at every single write that it makes.

    python -m tests.middleend.killed_job FOLDER

Prints how many writes there are, and then, for each fault of each, what has come of the job when the next worker was
through with it. The server and the run's process are stand-ins: what is tested is what lies on the disk.
"""

import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import msgspec

from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.wire.experiments import ExperimentStatus, Received
from tests.middleend.kit import KIT, digests_of
from tests.worker.fault_shim import Fault, FaultyFiles
from web_helper.middleend.worker import job
from web_helper.middleend.worker.child.run_process import RunExit
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.host import Environment
from web_helper.middleend.worker.run_store import RunStore
from web_helper.middleend.worker.run_tree import verify_tree

COMPONENTS = {"agent/first.py": b"print('first')\n", "loss/same.py": b"", "model/same.py": b""}
CONFIG = "agent: first\n"
UID = "abc123"
TIMES = {"created_at": "2026-01-01T00:00:00Z", "started_at": None, "finished_at": None, "expires_at": None}
EXPERIMENT = {
    "uid": UID, "name": "n", "project": "p", "status": "assigned", "priority": "normal", "wanted_device": None,
    "device": "gpu-1", "attempt": 1, "seed": 1, "grid": 0, "grid_size": 1, "reproduces": None, "user": None, "message": "",
    "exit_code": None, "component_count": 3, **TIMES,
}  # fmt: skip
JOB = {
    "experiment": EXPERIMENT, "attempt": 1, "config": CONFIG, "config_sha256": sha256_of(CONFIG.encode()), "seed": 1,
    "components": {path: {"hash": short_hash(each), "sha256": sha256_of(each)} for path, each in COMPONENTS.items()},
    "reproduces": None,
}  # fmt: skip


class Server:
    """What a worker asks and tells; what it is told last is kept in a file of its own."""

    def __init__(self, outside: Path):
        self.outside = outside

    def negotiate(self, question):
        return {"contents": {sha256_of(each): each.decode() for each in COMPONENTS.values()}}

    def start(self, uid, attempt, manifest):
        (self.outside / "manifest.json").write_text(manifest.model_dump_json())

    def get_received(self, uid):
        return Received(log=0, metrics=0, attempt=1, status=ExperimentStatus.RUNNING)

    def complete(self, uid, attempt, status, *, exit_code, message):
        (self.outside / "outcome.json").write_text(json.dumps({"status": status, "message": message}))


class Process:
    """Starts nothing, and counts."""

    def __init__(self, folder: Path):
        self.mark = folder.parents[2] / "outside" / "starts"

    @property
    def was_started(self):
        return self.mark.exists()

    def start(self, command):
        if not self.was_started:
            with self.mark.open("a") as file:
                file.write("x")

    def request_stop(self):
        raise AssertionError("nothing is to be stopped")

    def poll(self):
        return RunExit("ended", 0)


def carry(case: Path) -> None:
    """What a worker does with the job: take it, unless it has, and carry it on, a second time if it must."""
    store, outside = RunStore(case / "work"), case / "outside"
    server = Server(outside)
    shop = job.Workshop(
        host_id="gpu-1", client=server, components=server, store=store, cache=ContentCache(case / "work" / "cache"),
        kit=lambda: KIT, environment=lambda: Environment("", "3", None, None), tell=lambda *_, **__: None, env={},
        stop_seconds=1.0, log_bytes=1,
    )  # fmt: skip
    if not (outside / "outcome.json").exists():
        store.take(UID, 1, JOB)
    for run in store.all():
        job.Job(run, shop, threading.Event()).carry()


def try_case(case: Path, number: int, fault: Fault) -> list[str]:
    """In a process of its own, because it may be killed; the writes that it made."""
    (case / "work").mkdir(parents=True)
    (case / "outside").mkdir()
    pid = os.fork()
    if pid == 0:
        # What remains of the call is nobody's.
        job.RunDeltas = lambda *_, **__: SimpleNamespace(send=lambda: False)
        job.RunProcess = Process
        files = FaultyFiles(case / "work", number, fault)
        try:
            with files.on():
                carry(case)
        except OSError:
            pass
        (case / "outside" / "points").write_text(json.dumps([files.points, files.unseen]))
        os._exit(0)
    os.waitpid(pid, 0)
    points = case / "outside" / "points"
    return json.loads(points.read_text()) if points.exists() else [[], []]


def recover(case: Path) -> dict:
    """The next worker: what has come of the job, and what lies there."""
    job.RunDeltas = lambda *_, **__: SimpleNamespace(send=lambda: False)
    job.RunProcess = Process
    cache = ContentCache(case / "work" / "cache")
    cache.sweep()
    carry(case)
    outside = case / "outside"
    starts = outside / "starts"
    found = json.loads((outside / "outcome.json").read_text())
    found |= {
        "starts": len(starts.read_text()) if starts.exists() else 0,
        "left": [run.uid for run in RunStore(case / "work").all()],
    }
    found["cache"] = all(sha256_of(path.read_bytes()) == path.name for path in cache.root.rglob("*") if path.is_file())
    if found["status"] == "completed":
        record = verify_tree(case / "work" / "ended" / UID, KIT, digests_of(COMPONENTS))
        told = json.loads((outside / "manifest.json").read_text())
        found["tree"] = told["components"] == msgspec.to_builtins(record.components)
    return found


def main(folder: str) -> None:
    points, unseen = try_case(Path(folder, "whole"), 0, Fault.KILLED)
    answers = [{"points": points, "unseen": unseen, **recover(Path(folder, "whole"))}]
    for number in range(1, len(points) + 1):
        for fault in Fault:
            if fault is Fault.KILLED_HALFWAY and points[number - 1] != "write":
                continue
            case = Path(folder, f"{number}-{fault.name}")
            try_case(case, number, fault)
            answers.append({"number": number, "fault": fault.value, **recover(case)})
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
