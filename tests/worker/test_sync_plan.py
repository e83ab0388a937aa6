"""What becomes of a component, in every state that there is."""

import itertools

import pytest

from tests.docs.pages import ROOT, table_of
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

# Local, server and base, `-` for none, equal letters for equal bytes; then without and with the server knowing the local
# bytes. Reviewed by hand: this is the rule, the code follows it.
REVIEWED = {
    "- - -": (None, None),
    "- - a": (None, None),
    "- a -": ("server_only", None),
    "- a a": ("server_only", None),
    "- a b": ("server_only", None),
    "a - -": ("local_only", "local_only"),
    "a - a": ("local_only", "local_only"),
    "a - b": ("local_only", "local_only"),
    "a a -": (None, None),
    "a a a": (None, None),
    "a a b": (None, None),
    "a b -": ("local_newer", "server_newer"),
    "a b a": ("server_newer", "server_newer"),
    "a b b": ("local_newer", "server_newer"),
    "a b c": ("both_changed", "server_newer"),
}


def all_states() -> list[tuple[str, ComponentState]]:
    """Every state, once: bytes are told apart only by being equal or not."""
    found = {}
    for values in itertools.product("-abc", repeat=3):
        names: dict[str, str] = {}
        key = " ".join("-" if value == "-" else names.setdefault(value, "abc"[len(names)]) for value in values)
        local, server, base = (None if value == "-" else value for value in key.split())
        found[key] = (local, server, base)
    return [
        (key, ComponentState(*values, is_known=is_known))
        for key, values in found.items()
        for is_known in ((False, True) if values[0] is not None else (False,))
    ]


STATES = all_states()


def test_there_are_as_many_states_as_there_must_be():
    assert {key for key, _ in STATES} == set(REVIEWED)
    assert len(STATES) == 25


@pytest.mark.parametrize(("key", "state"), STATES)
def test_every_state_is_classified_as_reviewed(key, state):
    assert classify(state) == REVIEWED[key][state.is_known]


@pytest.mark.parametrize(("key", "state"), STATES)
@pytest.mark.parametrize("strategy", SyncStrategy)
def test_every_strategy_has_an_answer_to_every_state(key, state, strategy):
    action = decide(state, strategy)
    assert (action is None) == (classify(state) is None)
    if action is SyncAction.DOWNLOAD:
        assert state.server is not None
    if action is SyncAction.UPLOAD:
        assert state.local is not None
        assert not state.is_known
    if strategy is SyncStrategy.DRY_RUN:
        assert action in (None, SyncAction.REPORT)
    # Whatever is nowhere else is replaced by the authoritative strategy alone, and then a copy is kept.
    if action is SyncAction.DOWNLOAD and has_unsaved_edit(state):
        assert strategy is SyncStrategy.SERVER_AUTHORITATIVE


def test_without_the_base_edits_and_old_versions_could_not_be_told_apart():
    assert classify(ComponentState("a", "b", "a")) is not classify(ComponentState("a", "b", None))
    assert classify(ComponentState("a", "b", "c")) is not classify(ComponentState("a", "b", None))


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
