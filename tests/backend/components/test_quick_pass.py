"""Nothing to do costs one small request; whatever was touched, here or there, is seen."""

import json
import os
from dataclasses import asdict

import httpx2
import msgspec
import pytest

from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.retry import RetryPolicy
from tests.backend.components.worker import Worker
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.api.components import state
from web_helper.middleend import stat_index, tree_watch
from web_helper.middleend.component_manager import ComponentManager, SyncStrategy

pytestmark = SQLITE_ONLY

SOURCES = {"model/net.py": "N = 1\n", "loss/ce.py": "C = 1\n", "agent/fit.py": "F = 1\n"}


@pytest.fixture
def settled(worker, store) -> Worker:
    store.post("/changes", {"changes": [{"path": path, "content": text} for path, text in SOURCES.items()]})
    assert set(worker.manager.sync_all().synced) == set(SOURCES)
    worker.network.requests.clear()
    return worker


@pytest.fixture(params=["resident", "looking"])
def again(request, settled, monkeypatch):
    """Synchronises everything again, having asked the kernel what was touched, or looking at each file."""
    if request.param == "looking":
        monkeypatch.setattr(tree_watch, "TRUSTED_SECONDS", -1)
    for _ in range(2):
        assert sorted(settled.manager.sync_all().skipped) == sorted(SOURCES)
    assert settled.network.requests == ["/state"] * 2
    settled.network.requests.clear()
    return settled.manager.sync_all


def test_nothing_to_do_is_one_request_and_says_what_lies_here(again, settled):
    result = again()
    assert (sorted(result.skipped), result.synced, result.failed) == (sorted(SOURCES), [], [])
    assert result.component_hashes == settled.manager.get_local_hashes(list(SOURCES))
    assert settled.network.requests == ["/state"]


def test_what_is_said_of_nothing_to_do_can_be_kept_as_json(again):
    again()
    facts = asdict(again())
    assert json.loads(json.dumps(facts)) == facts


def test_an_edit_is_seen(again, settled):
    settled.put("loss/ce.py", "C = 9\n")
    result = again()
    assert [conflict.path for conflict in result.conflicts] == ["loss/ce.py"]
    assert sorted(result.skipped) == ["agent/fit.py", "model/net.py"]
    # What the server has changed is asked, and then only about what differs.
    assert settled.network.requests == ["/state", "/sync"]


def test_an_edit_of_equal_length_that_keeps_the_time_is_seen(again, settled):
    file = settled.root / "cvlabkit" / "component" / "loss" / "ce.py"
    before = file.stat()
    file.write_text("C = 9\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [conflict.path for conflict in again().conflicts] == ["loss/ce.py"]


def test_a_deletion_and_a_new_file_are_seen(again, settled):
    (settled.root / "cvlabkit" / "agent" / "fit.py").unlink()
    settled.put("metric/mine.py", "M = 1\n")
    result = again()
    assert (result.synced, result.uploaded) == (["agent/fit.py"], ["metric/mine.py"])


def test_what_changes_on_the_server_is_seen(again, settled, store):
    store.upload("loss/ce.py", "C = 2\n")
    result = again()
    assert result.synced == ["loss/ce.py"]
    # With what it has become.
    assert settled.network.requests == ["/state"]
    # Only what has changed was asked about; the result tells of everything.
    assert sorted(result.skipped) == ["agent/fit.py", "model/net.py"]
    assert result.component_hashes == settled.manager.get_local_hashes(list(SOURCES))
    store.post("/rollback", {"paths": ["loss/ce.py"]})
    assert again().synced == ["loss/ce.py"]
    assert settled.get("loss/ce.py") == "C = 1\n"


def test_more_changes_than_are_told_at_once_are_asked_for(again, settled, store, monkeypatch):
    monkeypatch.setattr(state, "MAX_CONTENTS", 1)
    store.post(
        "/changes", {"changes": [{"path": path, "content": f"{text}# more\n"} for path, text in SOURCES.items()]}
    )
    assert sorted(again().synced) == sorted(SOURCES)
    assert settled.network.requests == ["/state", "/sync"]


def test_what_is_told_keeps_no_copy_of_what_the_server_has(again, settled, store):
    store.upload("loss/ce.py", "C = 2\n")
    store.upload("metric/new.py", "N = 1\n")
    assert sorted(again().synced) == ["loss/ce.py", "metric/new.py"]
    assert settled.network.requests == ["/state"]
    assert settled.kept() == []
    store.post(f"/changes/{store.get('/changes')[0]['id']}/rollback", {})
    result = again()
    assert (result.synced, result.failed, settled.get("metric/new.py")) == ([], [], "N = 1\n")


def test_what_only_this_worker_has_is_asked_about_before_it_makes_way(settled, store):
    def again():
        settled.network.requests.clear()
        return settled.manager.sync_all(SyncStrategy.SERVER_AUTHORITATIVE)

    settled.put("metric/mine.py", "M = 1\n")
    for _ in range(3):
        assert again().synced == []
    store.upload("metric/mine.py", "M = 2\n")
    assert again().synced == ["metric/mine.py"]
    assert settled.network.requests == ["/state", "/sync"]
    assert settled.kept() == ["M = 1\n"]
    # Nobody's own any more.
    store.upload("metric/mine.py", "M = 3\n")
    assert again().synced == ["metric/mine.py"]
    assert settled.network.requests == ["/state"]
    assert settled.kept() == ["M = 1\n"]


def test_an_edit_that_lands_after_the_server_was_asked_stays(again, settled, store):
    store.upload("loss/ce.py", "C = 2\n")
    settled.network.after_answer = lambda _path: settled.put("loss/ce.py", "C = 9\n")
    result = again()
    # Seen before it is replaced, or when it is.
    assert result.failed or [conflict.path for conflict in result.conflicts] == ["loss/ce.py"]
    assert (result.synced, settled.get("loss/ce.py")) == ([], "C = 9\n")
    settled.network.after_answer = lambda _path: None
    assert [conflict.path for conflict in again().conflicts] == ["loss/ce.py"]


def test_an_edit_and_a_change_on_the_server_are_both_seen(again, settled, store):
    store.upload("loss/ce.py", "C = 2\n")
    settled.put("model/net.py", "N = 9\n")
    result = again()
    assert result.synced == ["loss/ce.py"]
    assert [conflict.path for conflict in result.conflicts] == ["model/net.py"]


def test_a_state_that_the_store_was_never_in_tells_nothing_of_changes(settled, store):
    state = store.get("/state")["state"]
    assert store.get("/state", since=state) == {"state": state, "changed": []}
    for other in ("empty", "", f"{state}x", "1-2020", "9" * 40, "²-x"):
        assert store.get("/state", since=other)["changed"] is None


def test_another_process_finds_what_is_settled(settled, admin_token):
    manager = ComponentManager("http://testserver", settled.root, admin_token, transport=settled.network)
    assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
    assert settled.network.requests == ["/state"]
    assert manager.sync_all(SyncStrategy.LOCAL_PRIORITY).failed == []
    assert settled.network.requests == ["/state", "/sync"]
    manager.close()


def another(settled, admin_token) -> ComponentManager:
    """As a new process would have it."""
    return ComponentManager("http://testserver", settled.root, admin_token, transport=settled.network)


@pytest.fixture
def listed(settled, admin_token, monkeypatch):
    """Another process has looked at every file when all had been left alone for a moment: from now on one listing does."""
    monkeypatch.setattr(stat_index, "SETTLED_NS", -(10**12))
    manager = another(settled, admin_token)
    assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
    manager.close()
    assert settled.manager.tree.read_settled().listing
    settled.network.requests.clear()
    return settled


def test_a_new_process_takes_the_file_systems_word(listed, admin_token, monkeypatch):
    monkeypatch.setattr(stat_index.StatIndex, "look", lambda *_: pytest.fail("a file was looked at"))
    manager = another(listed, admin_token)
    assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
    assert listed.network.requests == ["/state"]
    manager.close()


def edit(file):
    before = file.stat()
    file.write_text("C = 9\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(file):
    other = file.with_name("other")
    other.write_text("C = 9\n")
    other.replace(file)


def link(file):
    other = file.with_name("other")
    other.write_text("C = 9\n")
    file.unlink()
    file.symlink_to(other)


@pytest.mark.parametrize("change", [edit, replace, link])
def test_a_new_process_sees_what_was_changed(listed, admin_token, change):
    change(listed.root / "cvlabkit" / "component" / "loss" / "ce.py")
    manager = another(listed, admin_token)
    assert [conflict.path for conflict in manager.sync_all().conflicts] == ["loss/ce.py"]
    manager.close()


def test_what_a_link_leads_to_is_looked_at(listed, admin_token):
    file = listed.root / "cvlabkit" / "component" / "loss" / "ce.py"
    file.rename(file.with_name("other"))
    file.symlink_to(file.with_name("other"))
    for _ in range(2):
        manager = another(listed, admin_token)
        assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
        manager.close()
    edit(file)
    manager = another(listed, admin_token)
    assert [conflict.path for conflict in manager.sync_all().conflicts] == ["loss/ce.py"]
    manager.close()


def test_without_a_program_that_lists_every_file_is_looked_at(settled, admin_token, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for _ in range(2):
        manager = another(settled, admin_token)
        assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
        manager.close()
    assert settled.manager.tree.read_settled().listing == ""


def test_a_listing_that_fails_tells_nothing(settled, admin_token, monkeypatch, tmp_path):
    program = tmp_path / "find"
    program.write_text("#!/bin/sh\necho 1 6 1.0 1.0 half\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(stat_index, "SETTLED_NS", -(10**12))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    manager = another(settled, admin_token)
    assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
    manager.close()
    assert settled.manager.tree.read_settled().listing == ""


def test_a_damaged_memory_is_none(settled, admin_token):
    file = settled.root / ".synapse" / "components" / "settled.msgpack"
    kept = settled.manager.tree.read_settled()
    damaged = msgspec.structs.replace(kept, files=msgspec.Raw(msgspec.msgpack.encode(["torn", {}])))
    for content in (msgspec.msgpack.encode(damaged), file.read_bytes()[:-9], b""):
        file.write_bytes(content)
        settled.network.requests.clear()
        manager = another(settled, admin_token)
        assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
        assert settled.network.requests == ["/sync"]
        manager.close()


def test_a_server_that_cannot_be_asked_leaves_nothing_unseen(settled, admin_token):
    """An edit from before a pass that failed is found by the next one of the same process."""
    manager = another(settled, admin_token)
    settled.put("loss/ce.py", "C = 9\n")

    def fail(_path):
        settled.network.after_answer = lambda _: None
        raise httpx2.ReadError("the line is cut")

    settled.network.after_answer = fail
    manager.client.retry = RetryPolicy(retries=0)
    with pytest.raises(ClientError):
        manager.sync_all()
    assert [conflict.path for conflict in manager.sync_all().conflicts] == ["loss/ce.py"]
    manager.close()


def test_odd_names_beside_components_do_not_matter(settled, admin_token):
    (settled.root / "cvlabkit" / "component" / "loss" / "a\nb c.py").write_text("x")
    for _ in range(2):
        manager = another(settled, admin_token)
        assert sorted(manager.sync_all().skipped) == sorted(SOURCES)
        manager.close()


def test_what_a_synchronisation_has_written_itself_is_no_edit(again, settled, store):
    for number in (2, 3):
        store.upload("loss/ce.py", f"C = {number}\n")
        assert again().synced == ["loss/ce.py"]
        settled.network.requests.clear()
        assert sorted(again().skipped) == sorted(SOURCES)
        assert settled.network.requests == ["/state"]


def write_over(file, other):
    file.write_text("C = 9\n")


def move_over(file, other):
    other.write_text("C = 9\n")
    other.replace(file)


def change_places(file, other):
    """As editors do that keep a copy; the time is the old one."""
    before = file.stat()
    file.rename(other)
    other.unlink()
    other.write_text("C = 9\n")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    other.rename(file)


@pytest.mark.parametrize("edit", [write_over, move_over, change_places])
def test_an_edit_that_lands_as_soon_as_a_file_is_in_its_place_is_seen(again, settled, store, tmp_path, edit):
    store.upload("loss/ce.py", "C = 2\n")
    assert again().synced == ["loss/ce.py"]
    edit(settled.root / "cvlabkit" / "component" / "loss" / "ce.py", tmp_path / "ce.py")
    for _ in range(2):
        assert [conflict.path for conflict in again().conflicts] == ["loss/ce.py"]


def test_what_is_activated_between_the_two_questions_is_not_forgotten(again, settled, store):
    store.upload("loss/ce.py", "C = 2\n")

    def interfere(path):
        if path == "/state":
            settled.network.after_answer = lambda _: None
            store.upload("model/net.py", "N = 2\n")

    settled.network.after_answer = interfere
    assert again().synced == ["loss/ce.py"]
    assert again().synced == ["model/net.py"]
    assert again().synced == []


def test_an_edit_that_waits_for_a_decision_is_found_each_time(again, settled, store):
    settled.put("model/net.py", "N = 9\n")
    for number in (2, 3):
        store.upload("loss/ce.py", f"C = {number}\n")
        result = again()
        assert (result.synced, [conflict.path for conflict in result.conflicts]) == (["loss/ce.py"], ["model/net.py"])
        assert "model/net.py" not in result.component_hashes
    settled.put("model/net.py", SOURCES["model/net.py"])
    assert (again().conflicts, again().synced) == ([], [])


def test_edits_beside_what_a_config_needs_cost_it_nothing(settled, store):
    settled.put("agent/fit.py", "F = 9\n")
    for _ in range(3):
        assert sorted(settled.sync().skipped) == ["loss/ce.py", "model/net.py"]
    settled.network.requests.clear()
    settled.put("agent/fit.py", "F = 99\n")
    assert sorted(settled.sync().skipped) == ["loss/ce.py", "model/net.py"]
    assert settled.network.requests == ["/state"]


def test_a_dry_run_of_everything_changes_nothing(settled, store):
    store.upload("loss/ce.py", "C = 2\n")
    files = settled.files()
    assert settled.manager.sync_all(SyncStrategy.DRY_RUN).planned == {"loss/ce.py": "server_newer"}
    assert settled.files() == files
