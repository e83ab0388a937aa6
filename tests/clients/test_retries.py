"""Requests are repeated when that is safe, never when it is not, and the truth survives."""

import time

import httpx2
import pytest

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import (
    AuthenticationError,
    ClientConnectionError,
    ClientError,
    ClientTimeoutError,
    ConflictError,
    ServerError,
    ValidationError,
)
from synapse_sdk.testing import Fault
from synapse_sdk.utils.retry import RetryPolicy, parse_retry_after


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_read_is_repeated_until_the_server_recovers(open_bench, status):
    bench = open_bench(Fault("^/projects/1/", status=status, times=3))
    assert bench.v1.get_project(1)["id"] == 1
    assert bench.wire.count("^/projects/") == 4


@pytest.mark.parametrize(
    "error", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.ReadError, httpx2.RemoteProtocolError]
)
def test_a_read_is_repeated_after_a_broken_connection(open_bench, error):
    bench = open_bench(Fault("^/projects/1/", error=error, times=2))
    assert bench.v1.get_project(1)["id"] == 1


def test_the_last_status_survives_when_repetitions_run_out(open_bench):
    bench = open_bench(
        Fault("^/projects/1/", status=503, times=99, body=b'{"error": {"code": "X", "message": "busy"}}')
    )
    with pytest.raises(ServerError) as raised:
        bench.v1.get_project(1)
    assert raised.value.status_code == 503
    assert raised.value.detail["error"]["message"] == "busy"
    assert bench.wire.count("^/projects/") == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 501])
def test_other_statuses_are_final(open_bench, status):
    bench = open_bench(Fault("^/projects/1/", status=status, times=99))
    with pytest.raises(Exception) as raised:
        bench.v1.get_project(1)
    assert raised.value.status_code == status
    assert bench.wire.count("^/projects/") == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"error": httpx2.ReadTimeout},
        {"error": httpx2.ReadError},
        {"error": httpx2.RemoteProtocolError},
        {"error": httpx2.WriteTimeout},
        {"lose_answer": True},
    ],
)
def test_an_unsafe_post_is_sent_once(open_bench, fault):
    bench = open_bench(Fault("/plugins/x/run/", times=99, **fault))
    with pytest.raises((ServerError, ClientTimeoutError, ClientConnectionError)):
        bench.v1.run_plugin("x", {"action": "train"})
    assert bench.wire.count("/run/") == 1


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
def test_a_post_that_never_left_is_sent_again(open_bench, error):
    bench = open_bench(Fault("/plugins/x/run/", error=error, times=2))
    bench.v1.run_plugin("x", {"action": "train"})
    assert len(bench.server.requests) == 1


def test_a_patch_is_sent_once_unless_it_sets_values_of_a_run(open_bench):
    bench = open_bench(Fault("/v2/tasks/1/", status=502, times=99), Fault("^/jobs/", status=502, times=1))
    with pytest.raises(ServerError):
        bench.v2.tasks.update(1, status="completed")
    assert bench.wire.count("/v2/tasks/1/") == 1
    bench.v1.update_job("j1", {"status": "running"})
    assert bench.wire.count("^/jobs/") == 2


@pytest.mark.parametrize(("entry", "attempts"), [({"event": "e", "uid": "u1"}, 2), ({"event": "e"}, 1)])
def test_logs_are_sent_again_only_when_the_server_can_tell(open_bench, entry, attempts):
    bench = open_bench(Fault("^/logs/", lose_answer=True))
    if attempts == 1:
        with pytest.raises(ClientConnectionError):
            bench.v1.create_logs([entry])
    else:
        bench.v1.create_logs([entry])
    assert bench.wire.count("^/logs/") == attempts


def test_bulk_reads_are_repeated_although_they_are_posts(open_bench):
    bench = open_bench(Fault("bulk-fetch", error=httpx2.ReadTimeout, times=2), Fault("bulk-data", status=500, times=2))
    assert bench.v2.tasks.bulk_fetch([1, 2]) == []
    assert bench.v2.ground_truths.bulk_data([1], retry_on_status={500}, page_retries=2, page_retry_backoff=0) == []


def test_an_export_is_started_once_however_often_it_is_sent(open_bench):
    bench = open_bench(Fault("plugin-exports", lose_answer=True))
    with pytest.raises(ClientError, match="different versions"):  # The stand-in server answers with another shape.
        bench.v2.plugin_exports.create(target="task", project=1)
    bodies = {request.body for request in bench.server.requests}
    assert len(bench.server.requests) == 2
    assert len(bodies) == 1
    assert b"idempotency_key" in bodies.pop()


def test_retry_after_is_waited_for(open_bench):
    bench = open_bench(Fault("^/projects/", status=503, headers={"Retry-After": "1"}))
    started = time.monotonic()
    bench.v1.get_project(1)
    assert 0.9 < time.monotonic() - started < 60


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(open_bench):
    bench = open_bench(Fault("^/projects/", status=503, headers={"Retry-After": "7200"}, times=99))
    with pytest.raises(ServerError):
        bench.v1.get_project(1)
    assert bench.wire.count("^/projects/") == 1


def test_backoff_doubles_stays_bounded_and_is_spread():
    policy = RetryPolicy(retries=10, backoff_seconds=1.0, max_wait_seconds=5.0)
    for attempt, full in enumerate([1, 2, 4, 5, 5]):
        waits = {policy.wait_after_status(attempt, 503, None) for _ in range(50)}
        assert len(waits) > 1
        assert all(full / 2 <= wait <= full for wait in waits)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("3", 3, 3), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("soon", None, None), (None, None, None)],
)
def test_retry_after_is_a_number_or_a_date(value, low, high):
    seconds = parse_retry_after(value)
    assert seconds == low if low is None else low <= seconds <= high


def test_errors_have_the_class_of_their_status(open_bench):
    bench = open_bench(
        Fault("/projects/1/", status=401), Fault("/projects/2/", status=409), Fault("/projects/3/", status=422)
    )
    for project, error in [(1, AuthenticationError), (2, ConflictError), (3, ValidationError)]:
        with pytest.raises(error):
            bench.v1.get_project(project)


def test_a_server_that_is_not_there_is_named_as_unreachable():
    client = BackendClient("http://127.0.0.1:9", "syn_secret-secret", retry=RetryPolicy(retries=0))
    with client, pytest.raises(ClientConnectionError, match="could not be reached") as raised:
        client.get_project(1)
    assert raised.value.status_code is None


def test_a_hanging_server_ends_in_a_timeout(open_bench):
    bench = open_bench(Fault("/projects/", error=httpx2.ReadTimeout, times=99))
    with pytest.raises(ClientTimeoutError, match="no answer in time") as raised:
        bench.v1.get_project(1)
    assert raised.value.status_code == 408


def test_an_answer_that_is_not_json_is_refused(open_bench):
    bench = open_bench(Fault("/projects/", status=200, body=b"<html>hello</html>"))
    with pytest.raises(Exception, match="not answered with JSON"):
        bench.v1.get_project(1)


def test_redirects_are_not_followed(open_bench):
    bench = open_bench(Fault("/projects/", status=307, headers={"Location": "http://elsewhere.example/"}))
    with pytest.raises(Exception, match="redirects are not followed"):
        bench.v1.get_project(1)
    assert len(bench.wire.seen) == 1


def test_what_json_cannot_carry_is_refused_before_it_is_sent(bench):
    with pytest.raises(ClientError, match="cannot be written as JSON"):
        bench.v1.update_job("j1", {"result": object()})
    assert bench.wire.seen == []
