"""What happens at the same moment: requests while a build ends, and while the keeper looks."""

import json
import threading
import urllib.request
from dataclasses import replace
from queue import SimpleQueue

import pytest

from synapse_agent.engines.docker.protocol import EngineError, RunState, Usage
from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.containers import FINAL_BUILDS
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.process_engine import BASE
from tests.playground.scene import write_release

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground"), pytest.mark.timeout(400)]


@pytest.fixture
def archive(tmp_path, code):
    return write_release(tmp_path, code=code, app=apps.ECHO)


def ask(container: dict) -> dict:
    with urllib.request.urlopen(container["endpoint"], timeout=60) as answer:
        return json.load(answer)


def during_a_look(monkeypatch, host, name, act):
    """Do something once, right after the keeper has asked the engine; answers the record's status after that look."""
    engine, found, statuses, is_over = host.engine, [], [], threading.Event()
    asked, listed = getattr(engine, name), engine.find_labelled

    def answer(*arguments):
        answered = asked(*arguments)
        if not found and threading.current_thread().name == "playground-keeper":
            found.append(answered)
            act()
            return found[0] if name == "find_labelled" else Usage(10**6, 0.0)
        return answered

    def next_look(labels):
        if found and not is_over.is_set() and threading.current_thread().name == "playground-keeper":
            statuses.extend(row.status for row in host.playground._bench.store.all())
            is_over.set()
        return listed(labels) if name != "find_labelled" else answer(labels)

    monkeypatch.setattr(engine, name, answer)
    monkeypatch.setattr(engine, "find_labelled", next_look)
    assert is_over.wait(120)
    (status,) = statuses
    return status


def test_what_is_asked_for_while_a_build_ends_is_done_too(process_host, code, archive, monkeypatch):
    with process_host.client() as client:
        logs, asked = process_host.playground._bench.logs, []
        write = logs.write

        def ask_for_more(build_id, line):
            write(build_id, line)
            if line.startswith("Running at") and not asked:
                asked.append(client.create_container(f"{code}@1.0.0", params={"a": 2}, wait=False))

        monkeypatch.setattr(logs, "write", ask_for_more)
        made = client.create_container(plugin_file=archive, params={"a": 1})

        assert ask(client.wait_for_build(asked[0]["build_id"], timeout=200))["params"] == {"a": 2}
        assert list(process_host.engine.boxes) == [client.get_container(made["record"])["id"]]


def test_what_is_asked_for_while_another_wish_hangs_is_made_at_once(process_host, code, tmp_path):
    hangs = write_release(tmp_path / "first", code=code, app=apps.HANGS)
    with process_host.client() as client:
        first = client.create_container(plugin_file=hangs, wait=False)
        until(
            lambda: client.get_container(f"{client.list_containers()['results'][0]['record']}")["status"] == "starting"
        )

        mended = write_release(tmp_path / "mended", code=code, app=apps.ECHO)
        made = client.create_container(plugin_file=mended, timeout=200)

        assert ask(made)["path"] == "/"
        assert client.wait_for_build(first["build_id"])["id"] == made["id"]
        assert list(process_host.engine.boxes) == [made["id"]]


def test_what_is_asked_for_while_a_build_fails_is_made(process_host, code, tmp_path, monkeypatch):
    mended = write_release(tmp_path / "mended", code=code, app=apps.ECHO)
    with process_host.client() as client:
        store, asked = process_host.playground._bench.store, []
        fail_build = store.fail_build

        def ask_first(*arguments):
            if not asked:
                asked.append(client.create_container(plugin_file=mended, wait=False))
            return fail_build(*arguments)

        monkeypatch.setattr(store, "fail_build", ask_first)
        crashes = write_release(tmp_path / "first", code=code, app=apps.CRASHES)
        made = client.create_container(plugin_file=crashes)

        assert ask(made)["path"] == "/"
        assert client.get_build_status(asked[0]["build_id"])["status"] == "completed"


def test_what_is_made_anew_while_somebody_looks_at_it_is_not_called_gone(process_host, code, archive, monkeypatch):
    with process_host.client() as client:
        made, inspect, again = client.create_container(plugin_file=archive), process_host.engine.inspect, []

        def inspect_late(container_id):
            if not again and container_id == made["id"]:
                again.append(None)
                again.append(client.create_container(f"{code}@1.0.0", params={"a": 2}))
            return inspect(container_id)

        monkeypatch.setattr(process_host.engine, "inspect", inspect_late)
        process_host.playground._keeper.stop()
        found = client.get_container(made["record"])

        assert (found["status"], found["id"]) == ("running", again[1]["id"])


def test_what_a_build_made_since_somebody_asked_for_its_removal_is_removed_with_it(
    process_host, tmp_path, code, monkeypatch
):
    # No look finds what is left over.
    process_host.settings.look_seconds = 1000
    with process_host.client() as client:
        client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.HANGS), wait=False)
        store = process_host.playground._bench.store
        until(lambda: [box for box in process_host.engine.boxes.values() if box.process])
        (row,) = store.all()
        monkeypatch.setattr(store, "search", lambda _key: replace(row, container_id=None))
        client.delete_container(row.id)

        assert (store.all(), process_host.engine.boxes) == ([], {})


def test_a_visit_of_a_paused_app_that_is_just_being_made_anew_is_told_so(process_host, archive):
    with process_host.client() as client:
        made = client.create_container(plugin_file=archive)
        client.update_container(made["id"], status="paused")
        process_host.playground._bench.store.begin_build(made["record"])

        with pytest.raises(ConflictError, match="it is paused"):
            process_host.playground.wake(str(made["record"]))
        assert process_host.engine.inspect(made["id"]).state is RunState.PAUSED


def test_what_the_engine_refuses_for_one_app_holds_up_no_other(process_host, code, archive, monkeypatch):
    refused = set()

    def refuse(container_id):
        refused.add(container_id)
        raise EngineError("cannot pause rootless containers")

    monkeypatch.setattr(process_host.engine, "pause", refuse)
    with process_host.client() as client:
        older = client.create_container(plugin_file=archive, model=1)
        newer = client.create_container(f"{code}@1.0.0", model=2)
        process_host.settings.idle_pause_seconds = 0.2
        until(lambda: newer["id"] in refused)
        process_host.engine.stop(older["id"], 0)

        until(lambda: [each["status"] for each in client.list_containers()["results"]] == ["running", "stopped"])


def test_an_agent_that_ends_while_a_build_begins_waits_for_nothing(process_host):
    workshop = process_host.open()._workshop

    class Snatched(SimpleQueue):
        def empty(self):
            # A thread of the workshop takes it right after somebody has looked.
            found = super().empty()
            if not found:
                self.get()
            return found

    workshop._waiting = Snatched()
    workshop._waiting.put(object())
    ending = threading.Thread(target=workshop.stop, daemon=True)
    ending.start()
    ending.join(30)
    assert not ending.is_alive()


def test_what_was_started_since_the_keeper_listed_it_is_not_called_stopped(process_host, code, archive, monkeypatch):
    with process_host.client() as client:
        made = client.create_container(plugin_file=archive)
        client.update_container(made["id"], status="stopped")

        status = during_a_look(
            monkeypatch, process_host, "find_labelled", lambda: client.create_container(f"{code}@1.0.0")
        )

        assert status == "running"


def test_what_was_stopped_since_the_keeper_measured_it_is_not_called_running(process_host, archive, monkeypatch):
    with process_host.client() as client:
        made = client.create_container(plugin_file=archive)

        status = during_a_look(
            monkeypatch, process_host, "usage", lambda: client.update_container(made["id"], status="stopped")
        )

        assert status == "stopped"


def test_what_a_build_made_that_ends_while_the_keeper_looks_is_no_orphan(process_host, archive, monkeypatch):
    # It looks once at the start, and then when this test says so.
    process_host.settings.look_seconds = 1000
    made, go_on = threading.Event(), threading.Event()
    with process_host.client() as client:
        store, keeper = process_host.playground._bench.store, process_host.playground._keeper
        change, active_build = store.change, store.active_build

        def change_late(row_id, **values):
            if values.get("container_id"):
                made.set()
                go_on.wait(60)
            return change(row_id, **values)

        def build_ends(row_id):
            go_on.set()
            until(lambda: store.find_build(asked["build_id"]).status in FINAL_BUILDS)
            return active_build(row_id)

        monkeypatch.setattr(store, "change", change_late)
        asked = client.create_container(plugin_file=archive, wait=False)
        assert made.wait(60)
        monkeypatch.setattr(store, "active_build", build_ends)
        keeper.reconcile()

        container = client.wait_for_build(asked["build_id"], timeout=200)
        assert list(process_host.engine.boxes) == [container["id"]]
        assert ask(container)["path"] == "/"


def test_an_archive_that_was_just_read_stays_though_its_last_container_goes(process_host, code, archive, monkeypatch):
    engine = process_host.engine
    with process_host.client() as client:
        old = client.create_container(plugin_file=archive)
        shelf = process_host.playground.shelf
        describe = shelf.describe

        def describe_then_lose(*arguments):
            found = describe(*arguments)
            client.delete_container(old["record"])
            engine.images = {BASE: engine.images[BASE]}
            return found

        monkeypatch.setattr(shelf, "describe", describe_then_lose)
        made = client.create_container(plugin_file=archive, model=7)

        assert ask(made)["path"] == "/"
        monkeypatch.undo()
        client.delete_container(made["id"])
        assert client.list_containers()["count"] == 0
        assert not list((process_host.home / "playground" / "archives").glob("*.zip"))
