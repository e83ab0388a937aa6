"""Lists: each page once, the caller's parameters untouched, credentials on their own origin only."""

import itertools

import pytest

from synapse_sdk.exceptions import ClientConnectionError, ClientError, ServerError
from synapse_sdk.testing import Fault
from tests.clients.conftest import BASE_URL


def range_of(count):
    return list(range(1, count + 1))


def ids(rows):
    return [row["id"] for row in rows]


def test_a_page_is_answered_as_it_came(bench):
    page = bench.v1.list_assignments({"page_size": 2})
    assert ids(page["results"]) == [1, 2]
    assert page["count"] == 5
    assert page["next"].startswith(BASE_URL)


def test_everything_is_answered_as_a_generator_and_the_first_pages_count(bench):
    rows, count = bench.v1.list_tasks({"page_size": 2, "project": 7}, list_all=True)
    assert count == 5
    assert len(bench.server.requests) == 1
    assert ids(rows) == [1, 2, 3, 4, 5]
    assert [request.query.get("page", "1") for request in bench.server.requests] == ["1", "2", "3"]


def test_seed_names_answer_an_iterable_and_a_count(bench):
    for method in (bench.v1.get_assignments, bench.v1.get_tasks, bench.v1.get_ground_truth):
        results, total = method({"project": 1, "page_size": 3})
        assert total == 5
        assert ids(results) == [1, 2, 3, 4, 5]


def test_ground_truth_events_have_a_length_and_can_be_read_twice(bench):
    events = bench.v1.list_ground_truth_events(params={"page_size": 2}, list_all=True)
    assert len(events) == 5
    assert ids(events) == [1, 2, 3, 4, 5] == ids(events)


def test_a_stream_asks_for_nothing_before_it_is_read(bench):
    stream = bench.v1.get_assignments_stream({"page_size": 2})
    assert bench.server.requests == []
    assert ids(itertools.islice(stream, 3)) == [1, 2, 3]
    assert len(bench.server.requests) == 2


def test_counting_fetches_one_row(bench):
    assert bench.v1.count_assignments({"project": 1}) == 5
    assert bench.v1.count_tasks({"project": 1}) == 5
    assert {request.query["page_size"] for request in bench.server.requests} == {"1"}


def test_the_callers_parameters_stay_as_they_were(bench):
    params = {"project": 1, "ids": [1, 2]}
    bench.v1.list_tasks(params, list_all=True)
    bench.v1.get_ground_truth(params)
    bench.v1.count_tasks(params)
    list(bench.v2.tasks.list(**params))
    assert params == {"project": 1, "ids": [1, 2]}


def test_values_are_written_as_the_server_reads_them(bench):
    bench.v1.list_tasks({"ids": [3, 1], "is_discarded": False, "search": "a,b c", "status": None, "tags": []})
    query = bench.server.requests[0].query
    assert query == {"ids": "3,1", "is_discarded": "false", "search": "a,b c", "tags": "", "page_size": "100"}


def test_a_text_with_a_comma_stays_one_value(bench):
    list(bench.v2.tasks.list(ids=["a,b"], tags=["x", "y"]))
    assert bench.server.requests[0].url_query == "ids=a%2Cb&ids=a%2Cb&tags=x%2Cy"


@pytest.mark.parametrize(("sort", "ascending"), [("-id", False), (None, False), ("id", True)])
def test_more_ids_than_fit_into_a_url_are_asked_for_in_parts(open_bench, sort, ascending):
    bench = open_bench(total=0)
    list(bench.v2.tasks.list(ids=range_of(2500), sort=sort))
    asked = [[int(n) for n in request.query["ids"].split(",")] for request in bench.server.requests]
    assert [len(part) for part in asked] == [1000, 1000, 500]
    flat = [n for part in asked for n in part]
    assert flat == sorted(flat, reverse=not ascending)
    assert set(flat) == set(range(1, 2501))


@pytest.mark.parametrize("envelope", ["data", "results"])
def test_both_envelopes_of_v2_lists_are_read(open_bench, envelope):
    bench = open_bench(envelope=envelope)
    assert ids(bench.v2.tasks.list(project=1, per_page=2, sort="-id")) == [5, 4, 3, 2, 1]
    assert {request.query["project"] for request in bench.server.requests} == {"1"}
    assert len(bench.server.requests) == 3


def test_a_paginator_hands_out_pages_and_starts_anew(bench):
    listed = bench.v2.assignments.list(per_page=2)
    assert [ids(page) for page in listed.pages()] == [[5, 4], [3, 2], [1]]
    assert listed.first() == {"id": 5}


def test_an_empty_list_is_empty(open_bench):
    bench = open_bench(total=0)
    assert list(bench.v2.tasks.list()) == []
    assert bench.v2.tasks.list().first() is None
    rows, count = bench.v1.list_tasks(list_all=True)
    assert (list(rows), count) == ([], 0)


def test_a_page_that_fails_twice_is_fetched_again(open_bench):
    bench = open_bench(Fault("/v2/tasks/", status=500, skip=1, times=2))
    listed = bench.v2.tasks.list(per_page=2, page_retries=3, page_retry_backoff=0, retry_on_status={500, 502, 503, 504})
    assert ids(listed) == [5, 4, 3, 2, 1]


def test_a_page_that_keeps_failing_ends_with_its_own_status(open_bench):
    bench = open_bench(Fault("/v2/tasks/", status=500, skip=1, times=99))
    rows = iter(bench.v2.tasks.list(per_page=2, page_retries=2, page_retry_backoff=0, retry_on_status={500}))
    assert ids(itertools.islice(rows, 2)) == [5, 4]
    with pytest.raises(ServerError) as raised:
        next(rows)
    assert raised.value.status_code == 500
    assert bench.wire.count("/v2/tasks/") == 4


def test_a_500_is_final_for_those_who_did_not_ask_otherwise(open_bench):
    bench = open_bench(Fault("/v2/tasks/", status=500))
    with pytest.raises(ServerError):
        list(bench.v2.tasks.list())


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://testserver", "http://testserver:81", "http://testserver@evil.example"]
)
def test_a_next_page_on_another_origin_is_not_followed(open_bench, origin):
    bench = open_bench(next_origin=origin)
    rows, _ = bench.v1.list_tasks({"page_size": 2}, list_all=True)
    with pytest.raises(ClientError, match="not its own origin") as raised:
        list(rows)
    assert "secret" not in str(raised.value)
    assert len(bench.wire.seen) == 1


def test_a_next_url_of_v2_on_another_origin_is_not_followed(open_bench):
    # The cursor is taken out of the URL: nothing but our own address is ever asked.
    bench = open_bench(next_origin="http://evil.example", envelope="results")
    assert ids(bench.v2.tasks.list(per_page=2)) == [5, 4, 3, 2, 1]
    assert {request.headers["host"] for request in bench.server.requests} == {"testserver"}


def test_pages_that_go_round_in_a_circle_are_noticed(open_bench):
    body = b'{"data": [{"id": 1}], "meta": {"pagination": {"next_cursor": "same"}}}'
    bench = open_bench(Fault("/v2/tasks/", status=200, body=body, times=99))
    with pytest.raises(ClientError, match="circle"):
        list(bench.v2.tasks.list())


@pytest.mark.parametrize("body", [b"[]", b'{"detail": "hello"}', b'"x"', b"null"])
def test_an_answer_that_is_no_list_is_refused(open_bench, body):
    bench = open_bench(Fault("/v2/tasks/", status=200, body=body))
    with pytest.raises(ClientError, match="not answered with a list"):
        list(bench.v2.tasks.list())


def test_a_page_cut_in_the_middle_is_fetched_again(open_bench):
    bench = open_bench(Fault("/sdk/tasks/", cut_after=20))
    rows, count = bench.v1.list_tasks(list_all=True)
    assert (ids(rows), count) == ([1, 2, 3, 4, 5], 5)


def test_a_page_that_is_always_cut_ends_as_a_broken_connection(open_bench):
    bench = open_bench(Fault("/sdk/tasks/", cut_after=20, times=99))
    with pytest.raises(ClientConnectionError, match="connection broke"):
        bench.v1.list_tasks(list_all=True)


def test_throttling_waits_between_pages_only(bench):
    import time

    started = time.monotonic()
    list(bench.v2.tasks.list(per_page=2, throttle_seconds=0.1))
    assert 0.2 <= time.monotonic() - started < 60
