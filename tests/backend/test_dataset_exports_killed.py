"""Exports that the platform converts, with the worker as a real process: killed in the middle, and taken up again."""

import hashlib
import io
import json
import signal
import socket
import threading
import zipfile
from pathlib import Path

import pytest
import uvicorn

from tests.backend.factories import SQLITE_ONLY, boxes
from tests.backend.test_worker_processes import worker
from tests.middleend.kit import until
from web_helper.backend.models import AsyncJob

pytestmark = pytest.mark.system
ITEMS = 60


class Address:
    """Where the app will be: who connects waits until it is opened."""

    def __init__(self, app) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def open(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()


@pytest.fixture
def address(app):
    address = Address(app)
    yield address
    address.close()


@pytest.fixture
def served(settings, address):
    """Settings of a worker whose processes find the app there."""
    return settings.model_copy(update={"base_url": address.url})


def children_of(process: int) -> set[int]:
    """Processes that convert for this worker; those that end meanwhile are none."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat, command = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat.rpartition(")")[2].split()[1]) == process and b"conversion.child" in command:
            found.add(int(folder.name))
    return found


def is_alive(process: int) -> bool:
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@SQLITE_ONLY
def test_a_killed_workers_conversion_ends_and_the_next_worker_makes_the_same_archive(
    client, make, served, address, database
):
    project = make.project()
    make.tasks(project, ITEMS, files=True, data=boxes("cat"))
    body = {"target": "task", "project": project["id"], "format": "yolo", "name": "out"}

    def ask() -> str:
        answer = client.post("/v2/dataset-exports/", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["data"]["job_id"]

    def read(job_id: str) -> dict:
        return client.get(f"/v2/async-jobs/{job_id}/").json()["data"]

    def attempts(job_id: str) -> int:
        with database.read() as session:
            return session.get_one(AsyncJob, job_id).attempt

    job_id = ask()
    with worker(served) as process:
        # It waits for the app, which is not there yet.
        (child,) = until(lambda: children_of(process.pid))
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(lambda: not is_alive(child))
    address.open()
    assert read(job_id)["status"] in {"QUEUED", "RUNNING"}

    with worker(served):
        until(lambda: read(job_id)["status"] not in {"QUEUED", "RUNNING"}, explain=lambda: json.dumps(read(job_id)))
        again = ask()
        until(lambda: read(again)["status"] not in {"QUEUED", "RUNNING"})
    killed, whole = read(job_id), read(again)
    assert (killed["status"], killed["error"]) == ("SUCCEEDED", None)
    assert attempts(job_id) == 2
    content = client.get(
        killed["archive"]["url"].removeprefix(served.base_url).removeprefix("http://testserver")
    ).content
    assert hashlib.sha256(content).hexdigest() == killed["archive"]["sha256"] == whole["archive"]["sha256"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len([name for name in archive.namelist() if name.startswith("labels/")]) == ITEMS
    assert not list((served.home / "conversions").glob("*"))
