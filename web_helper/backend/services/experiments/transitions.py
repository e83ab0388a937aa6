"""From which state an experiment may go where: one table, and nothing else decides.

`docs/reference/experiments.md` shows the table; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

from synapse_sdk.wire.experiments import ExperimentStatus as S


class Event(StrEnum):
    """What happens to an experiment.

    `release` lets it wait for a worker; `resume` lets the run go on that its worker holds still. `lose` is a worker
    that is silent or has lost the run, `recover` one that is back with it, `recover_paused` one that is back with a run
    that it held still.
    """

    RELEASE = "release"
    CLAIM = "claim"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    EXPIRE = "expire"
    LOSE = "lose"
    RECOVER = "recover"
    RECOVER_PAUSED = "recover_paused"


_E = Event
TRANSITIONS: dict[S, dict[Event, S]] = {
    # Kept back by whoever submitted it.
    S.PENDING: {_E.RELEASE: S.QUEUED, _E.CANCEL: S.CANCELLED, _E.EXPIRE: S.EXPIRED},
    S.QUEUED: {
        _E.RELEASE: S.QUEUED,
        _E.CLAIM: S.ASSIGNED,
        _E.PAUSE: S.PAUSED,
        _E.CANCEL: S.CANCELLED,
        _E.EXPIRE: S.EXPIRED,
    },
    # A worker has it and brings its components; nothing has run, so another worker may take it over.
    S.ASSIGNED: {
        _E.START: S.RUNNING,
        _E.FAIL: S.FAILED,
        _E.PAUSE: S.PAUSED,
        _E.CANCEL: S.CANCELLED,
        _E.LOSE: S.QUEUED,
    },
    S.RUNNING: {
        _E.RESUME: S.RUNNING,
        _E.RECOVER: S.RUNNING,
        _E.PAUSE: S.PAUSED,
        _E.COMPLETE: S.COMPLETED,
        _E.FAIL: S.FAILED,
        _E.CANCEL: S.CANCELLED,
        _E.LOSE: S.CRASHED,
    },
    # Out of the queue, or a run that its worker holds still; that one may have ended before the worker heard of it.
    S.PAUSED: {
        _E.PAUSE: S.PAUSED,
        _E.RELEASE: S.QUEUED,
        _E.RESUME: S.RUNNING,
        _E.COMPLETE: S.COMPLETED,
        _E.FAIL: S.FAILED,
        _E.CANCEL: S.CANCELLED,
        _E.LOSE: S.CRASHED,
    },
    S.COMPLETED: {_E.COMPLETE: S.COMPLETED},
    S.FAILED: {_E.FAIL: S.FAILED},
    # What its worker says of the end changes nothing.
    S.CANCELLED: {_E.CANCEL: S.CANCELLED, _E.COMPLETE: S.CANCELLED, _E.FAIL: S.CANCELLED, _E.LOSE: S.CANCELLED},
    S.EXPIRED: {},
    # Given up, perhaps too early: a worker that comes back with the same attempt goes on, or tells the true end.
    S.CRASHED: {
        _E.RECOVER: S.RUNNING,
        _E.RECOVER_PAUSED: S.PAUSED,
        _E.COMPLETE: S.COMPLETED,
        _E.FAIL: S.FAILED,
        _E.CANCEL: S.CANCELLED,
        _E.LOSE: S.CRASHED,
    },
}


def next_status(status: S, event: Event) -> S | None:
    """Where an event leads from a state; None where it is not allowed."""
    return TRANSITIONS[status].get(event)
