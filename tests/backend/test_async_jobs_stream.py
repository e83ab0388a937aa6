"""Progress as server-sent events, over a real socket."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest
import uvicorn
from sqlalchemy import event

from tests.backend.factories import SQLITE_ONLY
from tests.bench.watchers import Run, measure
from web_helper.backend.app import create_app
from web_helper.backend.core.database import Database
from web_helper.backend.models import AsyncJob
from web_helper.backend.queries import async_jobs
from web_helper.backend.queries.async_jobs import JobEnd

pytestmark = SQLITE_ONLY
JOB = "7b5d7e2e-0000-4000-8000-000000000002"


@pytest.fixture
def app(settings, admin_token):
    return create_app(settings.model_copy(update={"heartbeat_seconds": 0.2}))


@pytest.fixture
def server(app):
    """The real app on a real port; answers its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        running = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        while not running.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture
def database(server, database_url):
    """Another process's view of the database."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def http(server, admin_token):
    with httpx2.Client(base_url=server, headers={"Authorization": f"Token {admin_token}"}, timeout=60) as client:
        yield client


@pytest.fixture
def job(database):
    with database.write() as session:
        session.add(AsyncJob(id=JOB, kind="export", params={}))
    return JOB


def change(database, act, *arguments):
    with database.write() as session:
        act(session, *arguments)


@contextmanager
def watching(http, job_id, **headers):
    with http.stream("GET", f"/v2/async-jobs/{job_id}/progress/", headers=headers) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def events(lines):
    """The events of a stream as `(id, name, data)`; comments come as `(None, None, text)`."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            yield None, None, line
        elif line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])
            fields = {}


def only_events(lines):
    return (found for found in events(lines) if found[0] is not None)


def test_events_ascend_and_the_last_one_ends_the_stream(http, job, database):
    asked = time.monotonic()
    with watching(http, job) as lines:
        stream = only_events(lines)
        first = next(stream)
        # A quarter of a second on a quiet machine.
        assert time.monotonic() - asked < 30
        nothing = dict.fromkeys(("total", "error", "rows_per_second", "seconds_remaining"))
        assert first == (0, "progress", {"id": 0, "event": "progress", "processed": 0, **nothing})
        change(database, async_jobs.begin_attempt, job)
        change(database, async_jobs.record_total, job, 1, 10)
        assert next(stream)[0] > 0
        change(database, async_jobs.record_progress, job, 1, 4)
        change(database, async_jobs.end_attempt, job, 1, JobEnd("FAILED", error="no"))
        rest = list(stream)
    ids = [found[0] for found in rest]
    assert ids == sorted(set(ids))
    assert rest[-1][1] == "failed"
    last = rest[-1][2]
    assert (last["processed"], last["error"]) == (4, "no")
    assert last["rows_per_second"] * last["seconds_remaining"] == pytest.approx(10 - 4, rel=0.05)


def test_a_stream_is_taken_up_after_the_last_event(http, job, database):
    change(database, async_jobs.begin_attempt, job)
    change(database, async_jobs.record_total, job, 1, 10)
    with watching(http, job, **{"Last-Event-ID": "2"}) as lines:
        stream = events(lines)
        assert next(stream)[2].startswith(": heartbeat")
        change(database, async_jobs.request_cancel, job)
        change(database, async_jobs.end_attempt, job, 1, JobEnd("CANCELLED"))
        after = [found for found in stream if found[0] is not None]
    assert [found[:2] for found in after] == [(3, "cancelled")]


def test_a_malformed_last_event_id_is_refused(http, job):
    assert http.get(f"/v2/async-jobs/{job}/progress/", headers={"Last-Event-ID": "x"}).status_code == 400


def test_after_the_last_watcher_has_gone_the_database_is_left_alone(http, job, app):
    statements = []
    with watching(http, job) as lines:
        next(only_events(lines))
    event.listen(app.state.database.engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    # The server notices in a moment; while somebody watches it looks several times in this one.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        statements.clear()
        time.sleep(0.8)
        if not statements:
            break
    assert statements == []


def test_open_streams_do_not_keep_a_server_from_stopping(http, job):
    """The `server` fixture checks it: a watcher is left behind when it stops."""
    answer = http.send(http.build_request("GET", f"/v2/async-jobs/{job}/progress/"), stream=True)
    assert next(answer.iter_lines())


def test_progress_of_an_unknown_job_is_not_found(http):
    answer = http.get("/v2/async-jobs/nothing/progress/")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"


def test_fifty_watchers_that_hang_up_at_random_miss_nothing_and_see_no_step_back(server, database, admin_token):
    with database.write() as session:
        session.add(AsyncJob(id=JOB, kind="export", params={}, status="RUNNING", attempt=1))
    url = urlsplit(server)
    run = Run((url.hostname, url.port), admin_token, JOB)
    asyncio.run(measure(run, database, 50, 4))
    assert not run.faults
    assert run.completed == 50
    # Every one of them has seen each change that was committed, and some had to come back.
    assert len(run.lags) >= 50 * len(run.committed)
    assert run.connections > 50
