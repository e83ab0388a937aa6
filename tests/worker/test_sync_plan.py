"""What becomes of a component, in every state that there is."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from tests.docs.pages import ROOT, table_of
from tests.worker.reviewed_states import STRATEGIES, all_states, read_table, state_of
from web_helper.middleend.sync_plan import (
    ACTIONS,
    RESOLVED,
    ComponentState,
    ConflictResolution,
    ConflictType,
    SyncAction,
    SyncStrategy,
    classify,
    decide,
    has_unsaved_edit,
)

PAGE = ROOT / "docs" / "reference" / "components.md"

REVIEWED = read_table()
CASES = [(key, strategy) for key in all_states() for strategy in STRATEGIES]


def differences(plan: Callable[[ComponentState, SyncStrategy], SyncAction | None]) -> list[tuple[str, SyncStrategy]]:
    """The cases in which a plan does not do what was reviewed."""
    return [
        (key, strategy) for key, strategy in CASES if plan(state_of(key), strategy) != REVIEWED[key].actions[strategy]
    ]


def test_the_reviewed_table_has_every_state_once():
    assert len(all_states()) == len(set(all_states())) == 48
    assert list(REVIEWED) == all_states()
    assert len(CASES) == 48 * 4


def test_every_strategy_does_about_every_state_what_was_reviewed():
    assert differences(decide) == []


@pytest.mark.parametrize("key", all_states())
def test_every_state_is_told_apart_as_reviewed(key):
    state, reviewed = state_of(key), REVIEWED[key]
    assert classify(state) == reviewed.difference
    makes_way = SyncAction.DOWNLOAD in reviewed.actions.values()
    assert (makes_way and has_unsaved_edit(state)) == reviewed.keeps_copy


@pytest.mark.parametrize(
    "mutant",
    [
        lambda state, strategy: decide(replace(state, base=None), strategy),
        lambda state, strategy: decide(replace(state, base=state.server), strategy),
        lambda state, strategy: decide(replace(state, base=state.local), strategy),
        lambda state, strategy: decide(replace(state, is_known=False), strategy),
        lambda state, strategy: decide(replace(state, is_known=True), strategy),
        lambda state, strategy: decide(replace(state, server=state.base), strategy),
        lambda state, strategy: decide(state, SyncStrategy.INTERACTIVE),
    ],
)
def test_a_plan_that_looks_at_less_is_caught(mutant):
    assert differences(mutant) != []


@pytest.mark.parametrize("key", all_states())
def test_bytes_that_are_nowhere_else_never_make_way_without_a_copy(key):
    for strategy in SyncStrategy:
        action = decide(state_of(key), strategy)
        if action is SyncAction.DOWNLOAD and state_of(key).local == "e":
            assert has_unsaved_edit(state_of(key))


def test_the_documented_table_is_the_code():
    rows = table_of(PAGE, "difference")
    assert [row[0] for row in rows] == list(ConflictType)
    strategies = (SyncStrategy.SERVER_AUTHORITATIVE, SyncStrategy.LOCAL_PRIORITY, SyncStrategy.INTERACTIVE)
    assert [tuple(row[2:5]) for row in rows] == [
        tuple(ACTIONS[strategy][kind].value for strategy in strategies) for kind in ConflictType
    ]
    assert [row[0] for row in table_of(PAGE, "strategy")] == list(SyncStrategy)


def test_every_decision_of_a_person_has_its_action():
    assert set(RESOLVED) == set(ConflictResolution)


def test_the_documented_names():
    assert list(SyncStrategy) == ["server_authoritative", "local_priority", "interactive", "dry_run"]
    assert list(ConflictType)[:4] == ["server_only", "server_newer", "local_newer", "local_only"]
    assert list(ConflictResolution) == ["use_server", "use_local", "skip", "pending"]
