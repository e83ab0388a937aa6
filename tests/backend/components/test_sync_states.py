"""Every state of tree, server and base, under every strategy, while an edit lands before, during or after: one table."""

import pytest

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.exceptions import ComponentError
from tests.backend.factories import SQLITE_ONLY
from tests.worker.reviewed_states import all_states, read_table
from web_helper.middleend import sync_run
from web_helper.middleend.component_manager import SyncStrategy
from web_helper.middleend.sync_plan import SyncAction, decide
from web_helper.middleend.sync_records import SyncResult

pytestmark = SQLITE_ONLY

REVIEWED = read_table()
TIMES = ("before", "during", "after")
PATHS = {f"model/m{number}.py": key for number, key in enumerate(all_states())}
EDITED = "x"


def text_of(path: str, letter: str) -> str | None:
    return None if letter == "-" else f"value = '{letter}'\n# {path}\n"


@pytest.fixture
def arranged(worker, store):
    """A worker whose tree holds each state once, and needs all of it; the server has `a` and `b` of each component."""
    for letter in "ab":
        changes = [{"path": path, "content": text_of(path, letter), "aliases": []} for path in PATHS]
        active = [path for path, key in PATHS.items() if key.split()[1] == letter]
        changes = [change | ({"aliases": ["active"]} if change["path"] in active else {}) for change in changes]
        store.post("/changes", {"changes": changes})
    bases = {path: text_of(path, key.split()[2]) for path, key in PATHS.items()}
    worker.manager.tree.note_bases({path: sha256_of(text.encode()) for path, text in bases.items() if text})
    for path, key in PATHS.items():
        if text := text_of(path, key[0]):
            worker.put(path, text)
    return worker


NOWHERE = {path: key for path, key in PATHS.items() if key.startswith("- -")}
FOUND = {path: key for path, key in PATHS.items() if path not in NOWHERE}


def needed(worker, paths) -> None:
    """Let the worker's config name these components."""
    names = [path[len("model/") : -len(".py")] for path in paths]
    worker.config.write_text("model:\n" + "".join(f"  {name}: {name}\n" for name in names))


def where(result: SyncResult, path: str) -> set[str]:
    """Which lists of a result a component is in."""
    lists = {name: getattr(result, name) for name in ("synced", "uploaded", "skipped", "failed")}
    found = {name for name, paths in lists.items() if path in paths}
    return found | ({"conflicts"} if path in {conflict.path for conflict in result.conflicts} else set())


def expected_of(key: str, strategy: SyncStrategy, time: str) -> tuple[str, str, str, bool]:
    """By the table: the list that the component is in, what lies here, what is active, and whether a copy is kept."""
    local, server, base = key.split()
    if time == "before":
        # An edit is content that the server does not have, whatever was there.
        local, key = EDITED, f"e {server} {'-' if base == 'e' else base}"
    reviewed = REVIEWED[key]
    action = reviewed.actions[strategy]
    lands = EDITED if time != "before" else local
    if time == "during" and action in (SyncAction.DOWNLOAD, SyncAction.UPLOAD):
        return "failed", EDITED, server, False
    if action is SyncAction.DOWNLOAD:
        return "synced", (EDITED if time == "after" else server), server, reviewed.keeps_copy
    if action is SyncAction.UPLOAD:
        return "uploaded", lands, local, False
    return ("conflicts" if action is SyncAction.ASK else "skipped"), lands, server, False


def active_contents(store) -> dict[str, str | None]:
    offer = store.post("/sync", {"need": list(PATHS), "follow_imports": False})
    return {
        path: offer["contents"][offer["versions"][path]["sha256"]] if path in offer["versions"] else None
        for path in PATHS
    }


def failures(arranged, store, strategy: SyncStrategy, time: str) -> list[str]:
    """The components of one synchronisation that are not as the table says."""

    # What is neither here nor there cannot be needed; an edit that lands before puts it here.
    paths = PATHS if time == "before" else FOUND
    needed(arranged, paths)

    def edit() -> None:
        for path in paths:
            arranged.put(path, text_of(path, EDITED))

    if time == "before":
        edit()
    if time == "during":
        arranged.network.after_answer = lambda path: path == "/sync" and edit()
    result = arranged.sync(strategy)
    kept = {path: copy.read_text() for path, copy in result.kept.items()}
    if time == "after":
        edit()
    active = active_contents(store)
    found = []
    for path, key in paths.items():
        place, here, there, is_kept = expected_of(key, strategy, time)
        had = text_of(path, EDITED if time == "before" else key[0])
        seen = (where(result, path), arranged.get(path), active[path], kept.get(path))
        if seen != ({place}, text_of(path, here), text_of(path, there), had if is_kept else None):
            found.append(f"{key} {strategy} {time}: {seen}")
    return found


@pytest.mark.parametrize("strategy", SyncStrategy)
@pytest.mark.parametrize("time", TIMES)
def test_every_state_ends_as_reviewed_whenever_an_edit_lands(arranged, store, strategy, time):
    log = store.log()
    assert failures(arranged, store, strategy, time) == []
    if strategy is SyncStrategy.DRY_RUN:
        assert store.log() == log
        assert not (arranged.root / ".synapse" / "components" / "lock").exists()


@pytest.mark.parametrize("strategy", [SyncStrategy.LOCAL_PRIORITY, SyncStrategy.INTERACTIVE])
def test_a_mutant_that_drops_the_base_is_caught(arranged, store, strategy, monkeypatch):
    forgetful = lambda state, chosen: decide(type(state)(state.local, state.server, None, state.is_known), chosen)  # noqa: E731
    monkeypatch.setattr(sync_run, "decide", forgetful)
    assert {failure.split()[0] for failure in failures(arranged, store, strategy, "after")} == {"e"}


@pytest.mark.parametrize("strategy", SyncStrategy)
@pytest.mark.parametrize("time", ["during", "after"])
def test_what_is_neither_here_nor_there_is_told_and_changes_nothing(arranged, store, strategy, time):
    log = store.log()
    for path in NOWHERE:
        needed(arranged, [path])
        if time == "during":
            arranged.network.after_answer = lambda _, path=path: arranged.put(path, text_of(path, EDITED))
        with pytest.raises(ComponentError, match="neither here nor on the server"):
            arranged.sync(strategy)
        assert arranged.get(path) == (text_of(path, EDITED) if time == "during" else None)
    assert (store.log(), arranged.kept()) == (log, [])


def test_these_are_all_cases(database_url):
    strategies = len(SyncStrategy)
    assert (len(PATHS), len(FOUND), len(NOWHERE)) == (48, 44, 4)
    checked = strategies * (len(PATHS) + 2 * len(FOUND))
    refused = strategies * 2 * len(NOWHERE)
    assert checked + refused == 48 * 4 * 3 == 576
