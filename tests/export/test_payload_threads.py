"""A payload that is asked for again keeps no connection busy meanwhile, and then goes first."""

import threading

import pytest

from synapse_sdk.exceptions import NotFoundError
from synapse_sdk.plugins.actions.export.sources.payloads import PayloadThreads

PATIENCE_SECONDS = 60
NEVER_SECONDS = 3600.0


class Link:
    """Stands for a download: each request takes the next of `answers`, a wait, None for the end, or an error."""

    def __init__(self, name, log, *answers):
        self.name, self.log, self.answers = name, log, list(answers)
        self.may_answer = threading.Event()
        self.may_answer.set()

    def request(self):
        self.log.append(self.name)
        assert self.may_answer.wait(PATIENCE_SECONDS)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def document(self):
        return {"name": self.name}


def test_a_payload_that_waits_stops_no_other_and_is_dropped_at_the_end():
    log = []
    with PayloadThreads(1) as threads:
        waiting = threads.fetch(Link("late", log, NEVER_SECONDS))
        others = [threads.fetch(Link(name, log, None)) for name in "abc"]
        assert [other.result(PATIENCE_SECONDS) for other in others] == [{"name": name} for name in "abc"]
    assert log == ["late", "a", "b", "c"]
    assert not waiting.done()


def test_a_payload_whose_time_has_come_goes_before_those_not_asked_for_yet():
    log = []
    first = Link("first", log, 0.0, None)
    first.may_answer.clear()
    with PayloadThreads(1) as threads:
        results = [threads.fetch(first), threads.fetch(Link("second", log, None))]
        first.may_answer.set()
        assert [result.result(PATIENCE_SECONDS)["name"] for result in results] == ["first", "second"]
    assert log == ["first", "first", "second"]


def test_an_idle_thread_wakes_for_a_payload_that_is_due():
    with PayloadThreads(2) as threads:
        assert threads.fetch(Link("late", [], 0.05, None)).result(PATIENCE_SECONDS) == {"name": "late"}


def test_a_failure_is_raised_where_the_payload_is_asked_for():
    with PayloadThreads(1) as threads:
        failed = threads.fetch(Link("gone", [], NotFoundError(404, "It is gone.")))
        with pytest.raises(NotFoundError, match="It is gone"):
            failed.result(PATIENCE_SECONDS)
        assert threads.fetch(Link("next", [], None)).result(PATIENCE_SECONDS) == {"name": "next"}
