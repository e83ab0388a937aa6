"""Every state of tree, server and base, every strategy, and an edit that lands before, during or after: nothing is lost."""

import hashlib

import pytest

from tests.backend.factories import SQLITE_ONLY
from web_helper.middleend.component_manager import SyncStrategy
from web_helper.middleend.sync_plan import ComponentState, SyncAction, decide, has_unsaved_edit

pytestmark = SQLITE_ONLY

# Local, server, base, and whether the store has the local content too; `e` is an edit that nobody else has.
STATES = [
    ComponentState(local, server, base, is_known)
    for local in (None, "a", "b", "e")
    for server in (None, "a")
    for base in (None, "a", "b")
    for is_known in ((False, True) if local in ("a", "b") and local != server else (local in ("a", "b"),))
    if local or server
]
PATHS = {f"model/m{number}.py": state for number, state in enumerate(STATES)}


def text_of(path: str, value: str) -> str:
    return f"value = '{value}'\n# {path}\n"


@pytest.fixture
def arranged(worker, store):
    """A worker whose tree holds each state once, and needs all of it."""
    assert len(STATES) == len(set(STATES)) == 30
    known = {path: state.local for path, state in PATHS.items() if state.is_known}
    active = {path: state.server for path, state in PATHS.items() if state.server is not None}
    for values, aliases in ((known, []), (active, ["active"])):
        changes = [{"path": path, "content": text_of(path, value)} for path, value in values.items()]
        store.post("/changes", {"changes": [change | {"aliases": aliases} for change in changes]})
    for path, state in PATHS.items():
        if state.base is not None:
            digest = hashlib.sha256(text_of(path, state.base).encode()).hexdigest()
            worker.manager.tree.note_bases({path: digest})
        if state.local is not None:
            worker.put(path, text_of(path, state.local))
    names = [path[len("model/") : -len(".py")] for path in PATHS]
    worker.config.write_text("model:\n" + "".join(f"  {name}: {name}\n" for name in names))
    return worker


def stored(store) -> set[str]:
    """Every content that the server has."""
    return {
        version["content"]
        for path in store.active()
        for version in store.get(f"/versions/{path.removesuffix('.py')}", include_content=True)
    }


def active_content(store, path: str) -> str | None:
    name = store.active().get(path)
    return None if name is None else store.get(f"/versions/hash/{name}", path=path)["content"]


@pytest.mark.parametrize("strategy", [each for each in SyncStrategy if each is not SyncStrategy.DRY_RUN])
def test_every_state_ends_as_the_table_says(arranged, store, strategy):
    result = arranged.sync(strategy)

    waiting = {conflict.path for conflict in result.conflicts}
    assert result.failed == []
    for path, state in PATHS.items():
        action = decide(state, strategy)
        lists = {
            SyncAction.DOWNLOAD: result.synced,
            SyncAction.UPLOAD: result.uploaded,
            SyncAction.ASK: waiting,
            SyncAction.KEEP: result.skipped,
            None: result.skipped,
        }
        assert [found for found in lists.values() if path in found][:1] == [lists[action]], (path, state)
        expected = state.server if action is SyncAction.DOWNLOAD else state.local
        assert arranged.get(path) == text_of(path, expected), (path, state)
        is_kept = action is SyncAction.DOWNLOAD and has_unsaved_edit(state)
        assert (path in result.kept) == is_kept
        if is_kept:
            assert result.kept[path].read_text() == text_of(path, state.local)
        if action is SyncAction.UPLOAD:
            assert active_content(store, path) == text_of(path, state.local)
        assert (path in result.component_hashes) == (path not in waiting)


def test_a_dry_run_touches_nothing_here_or_there(arranged, store):
    files, log = arranged.files(), store.log()
    result = arranged.sync(SyncStrategy.DRY_RUN)
    assert set(result.skipped) == set(PATHS)
    assert (result.synced, result.uploaded, result.failed, result.conflicts) == ([], [], [], [])
    assert set(result.planned) == {path for path, state in PATHS.items() if state.local != state.server}
    assert (arranged.files(), store.log()) == (files, log)


@pytest.mark.parametrize("strategy", SyncStrategy)
@pytest.mark.parametrize("time", ["before", "during", "after"])
def test_an_edit_is_never_lost_whenever_it_lands(arranged, store, strategy, time):
    edits = {path: f"edited = '{time}'\n# {path}\n" for path in PATHS}

    def edit() -> None:
        for path, content in edits.items():
            arranged.put(path, content)

    if time == "before":
        edit()
    if time == "during":
        arranged.network.after_answer = lambda path: path == "/sync" and edit()

    arranged.sync(strategy)
    if time == "after":
        edit()
        arranged.sync(SyncStrategy.INTERACTIVE)

    everywhere = {arranged.get(path) for path in PATHS} | set(arranged.kept()) | stored(store)
    assert set(edits.values()) <= everywhere
    unsaved = {path: text_of(path, "e") for path, state in PATHS.items() if state.local == "e"}
    # What the person overwrote with an edit of their own is theirs to lose.
    assert time != "during" or strategy is not SyncStrategy.LOCAL_PRIORITY or set(unsaved.values()) <= everywhere
