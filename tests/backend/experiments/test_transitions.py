"""The table of states: what the code says is what the page says, and it holds together."""

import re
from pathlib import Path

import pytest

from synapse_sdk.wire.experiments import ExperimentStatus as S
from synapse_sdk.wire.experiments import Priority
from web_helper.backend.models import RANKS
from web_helper.backend.services.experiments.transitions import TRANSITIONS, Event, next_status

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "experiments.md"
CASES = [(status, event) for status in S for event in Event]


def documented() -> dict[tuple[S, Event], S]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| state | "))
    events = [Event(cell.strip().strip("`")) for cell in lines[start].strip("|").split("|")[1:]]
    found = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        state, *cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        found |= {(S(state), event): S(cell) for event, cell in zip(events, cells, strict=True) if cell}
    return found


def test_the_table_knows_every_state_and_the_cases_are_all_of_them():
    assert set(TRANSITIONS) == set(S)
    assert len(CASES) == 120


def test_the_page_shows_the_table():
    assert documented() == {(state, event): to for state, moves in TRANSITIONS.items() for event, to in moves.items()}


@pytest.mark.parametrize(("status", "event"), CASES)
def test_what_has_ended_stays_so_unless_it_had_crashed(status, event):
    after = next_status(status, event)
    if status.has_ended and status is not S.CRASHED:
        assert after in (None, status)


@pytest.mark.parametrize("event", Event)
def test_nothing_that_has_begun_waits_for_a_worker_again_but_what_was_never_started(event):
    assert next_status(S.RUNNING, event) not in (S.QUEUED, S.ASSIGNED, S.PENDING)
    assert next_status(S.CRASHED, event) not in (S.QUEUED, S.ASSIGNED, S.PENDING)


def test_only_a_start_begins_a_run_and_only_a_claim_gives_it_away():
    begins = {
        (state, event) for state, event in CASES if next_status(state, event) is S.RUNNING and state is not S.RUNNING
    }
    assert begins == {(S.ASSIGNED, Event.START), (S.PAUSED, Event.RESUME), (S.CRASHED, Event.RECOVER)}
    gives = {(state, event) for state, event in CASES if next_status(state, event) is S.ASSIGNED}
    assert gives == {(S.QUEUED, Event.CLAIM)}


def test_every_end_can_be_reached():
    reached = {S.PENDING, S.QUEUED}
    for _ in S:
        reached |= {to for state in reached for to in TRANSITIONS[state].values()}
    assert reached == set(S)


def test_priorities_are_ordered_as_their_names_say():
    assert sorted(RANKS, key=RANKS.get) == [Priority.URGENT, Priority.HIGH, Priority.NORMAL, Priority.LOW]


def test_the_page_names_every_word_of_the_wire():
    words = set(re.findall(r"`([a-z_]+)`", PAGE.read_text(encoding="utf-8")))
    assert {*S, *Priority, *Event} <= words
