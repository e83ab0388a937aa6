"""What the playground promises, through the real client and API, on plain processes and on Docker."""

import json
import socket
import threading
import time
import urllib.request

import pytest

from synapse_agent.engines.docker.protocol import AGENT_LABEL, EngineError
from synapse_agent.services.containers import workshop
from synapse_agent.services.containers.readiness import wait_until_ready
from synapse_sdk.exceptions import ConflictError, ContainerBuildError, NotFoundError, ServerError, ValidationError
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import write_release

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground"), pytest.mark.timeout(400)]


@pytest.fixture
def client(host):
    with host.client() as client:
        yield client


def ask(container: dict, path: str = "/") -> dict:
    with urllib.request.urlopen(container["endpoint"] + path, timeout=60) as answer:
        return json.load(answer)


def test_a_container_is_made_found_running_and_removed(client, code, tmp_path, host):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    made = client.create_container(
        f"{code}@1.0.0",
        model=123,
        params={"input_size": 512},
        envs={"WHO": "me"},
        labels=["gradio"],
        metadata={"created_by": "admin"},
        plugin_file=archive,
    )

    assert (made["status"], made["image"]) == ("running", f"synapse-plugin-{code}-1.0.0")
    assert made.get("restarted") is None
    assert ask(made, "/x") == {"params": {"input_size": 512}, "path": "/x", "who": "me"}
    again = client.create_container(f"{code}@1.0.0", model=123)
    assert (again["id"], again["endpoint"], again["restarted"]) == (made["id"], made["endpoint"], True)
    (row,) = client.list_containers(params={"status": "running"})["results"]
    assert (row["labels"], row["metadata"], row["model"]) == (["gradio"], {"created_by": "admin"}, 123)
    assert client.get_container(made["id"][:12])["attrs"]["Id"] == made["id"]
    until(lambda: "the app begins" in client.get_container_logs(made["id"]))

    client.delete_container(made["id"])

    assert client.list_containers() == {"count": 0, "next": None, "previous": None, "results": []}
    # Both who removes it and the keeper may have asked for that; the engine needs a moment.
    until(lambda: not host.engine.find_labelled({AGENT_LABEL: host.mark}))
    with pytest.raises(NotFoundError):
        client.get_container(made["id"])


def test_what_changed_makes_it_anew_and_says_why(client, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    first = client.create_container(plugin_file=archive, params={"a": 1})

    second = client.create_container(f"{code}@1.0.0", params={"a": 2})
    assert second["id"] != first["id"]
    assert "parameters" in second["recreated"]
    assert ask(second)["params"] == {"a": 2}

    write_release(tmp_path, code=code, app=apps.ECHO.replace('"path": path', '"path": "changed"'))
    third = client.create_container(f"{code}@1.0.0", plugin_file=archive)
    assert "release" in third["recreated"]
    assert ask(third) == {"params": {"a": 2}, "path": "changed", "who": None}
    assert client.list_containers()["count"] == 1


def test_what_an_app_prints_is_followed_until_it_is_removed(client, code, tmp_path):
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))

    lines = client.stream_container_logs(made["id"])
    assert next(lines) == "the app begins"
    client.delete_container(made["id"])

    assert list(lines) == []


def test_it_is_stopped_paused_and_started_again(client, code, tmp_path):
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))

    for status in ("paused", "stopped"):
        halted = client.update_container(made["id"], status=status)
        assert (halted["status"], client.get_container(made["id"])["status"]) == (status, status)
        back = client.create_container(f"{code}@1.0.0")
        assert (back["id"], back["status"], back["restarted"]) == (made["id"], "running", True)
        assert ask(back)["path"] == "/"
    restarted = client.update_container(made["id"], status="restarted")
    assert (restarted["id"], ask(restarted)["path"]) == (made["id"], "/")


def test_one_that_was_removed_from_outside_is_noticed_and_made_again(client, code, tmp_path, host):
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
    host.engine.remove(made["id"])

    until(lambda: client.get_container(made["record"])["status"] == "gone")

    back = client.create_container(f"{code}@1.0.0")
    assert back["id"] != made["id"]
    assert ask(back)["path"] == "/"


def test_a_port_that_another_program_took_is_left_to_it(client, code, tmp_path):
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
    client.update_container(made["id"], status="stopped")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", made["host_port"]))
        other.listen()

        back = client.create_container(f"{code}@1.0.0")

        assert back["host_port"] != made["host_port"]
        assert "port" in back["recreated"]
        assert ask(back)["path"] == "/"


FAULTS = {
    "crashes": (apps.CRASHES, apps.WHY_IT_CRASHES),
    "defines nothing": (apps.NO_APP, "defines no Gradio app"),
    "hangs": (apps.HANGS, r"(?s)did not answer on port 7860 in 1 s.*thinking"),
    "has the wrong port": (apps.WRONG_PORT, r"(?s)listens on port 9999.*7860"),
}


def wait_a_second(engine, container_id, url, *, seconds, is_wanted):
    """Give an app a second from when it has done what it can: to begin takes as long as the machine is busy."""
    until(lambda: "thinking" in str(engine.read_log(container_id, 30)) or 9999 in engine.listening_ports(container_id))
    wait_until_ready(engine, container_id, url, seconds=1.0, is_wanted=is_wanted)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_app_that_does_not_answer_says_why_and_leaves_nothing(host, code, tmp_path, fault, monkeypatch):
    app, expected = FAULTS[fault]
    with host.client() as client:
        if app in {apps.HANGS, apps.WRONG_PORT}:
            monkeypatch.setattr(workshop, "wait_until_ready", wait_a_second)
        with pytest.raises(ContainerBuildError, match=expected):
            client.create_container(plugin_file=write_release(tmp_path, code=code, app=app))

        (row,) = client.list_containers()["results"]
        assert (row["status"], row["container_id"], row["endpoint"]) == ("failed", None, None)
        until(lambda: not host.engine.find_labelled({AGENT_LABEL: host.mark}))
        # The same again, mended.
        monkeypatch.undo()
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        assert (made["status"], made["error"]) == ("running", None)


def test_requirements_that_do_not_exist_fail_with_the_steps_own_words(client, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO, requirements="no-such-package-of-anybody==9.9\n")
    answer = client.create_container(plugin_file=archive, wait=False)
    assert set(answer) == {"build_id", "status_url", "sse_url"}

    lines = list(client.stream_build_log(answer["build_id"]))

    build = client.get_build_status(answer["build_id"])
    assert build["status"] == "failed"
    assert "no-such-package" in build["error"]
    assert any("no-such-package" in line and "not found" in line for line in lines)


def test_creates_at_the_same_moment_give_one_container(client, code, tmp_path, host):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    found, threads = [], []
    client.create_container(plugin_file=archive)

    def create(model):
        found.append(client.create_container(f"{code}@1.0.0", model=model))

    for number in range(12):
        threads.append(threading.Thread(target=create, args=(number % 3,)))
        threads[-1].start()
    for thread in threads:
        thread.join(120)

    assert len(found) == 12
    assert len({each["id"] for each in found}) == 3
    assert len({each["host_port"] for each in found}) == 3
    until(lambda: len(host.engine.find_labelled({AGENT_LABEL: host.mark})) == 4)


def test_an_agent_that_was_away_finds_its_containers_and_removes_what_is_nobodys(host, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    with host.client() as client:
        kept = client.create_container(plugin_file=archive)
        dropped = client.create_container(f"{code}@1.0.0", model=5)
    # As if the agent had died between forgetting the record and removing the container.
    host.open()._bench.store.delete(dropped["record"])
    with host.client() as client:
        until(lambda: [each.id for each in host.engine.find_labelled({AGENT_LABEL: host.mark})] == [kept["id"]])

        assert client.get_container(kept["id"])["status"] == "running"
        assert ask(kept)["path"] == "/"


def test_a_build_that_an_agents_death_cut_off_is_gone_on_with(host, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    with host.client() as client:
        made = client.create_container(plugin_file=archive)
        client.update_container(made["id"], status="stopped")
    build, _ = host.open()._bench.store.begin_build(made["record"])

    with host.client() as client:
        assert client.wait_for_build(build.id, timeout=200)["status"] == "running"


def test_what_is_asked_for_before_the_engine_answers_is_built_once(process_host, code, tmp_path, monkeypatch):
    engine, asked, again = process_host.engine, threading.Event(), threading.Event()
    describe, create, created = engine.describe, engine.create, []

    def describe_late():
        asked.wait(60)
        return describe()

    def create_slowly(order):
        created.append(order)
        asked.set()
        # For as long as a build that began twice would need to come here as well.
        again.wait(1) if len(created) == 1 else again.set()
        return create(order)

    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    with process_host.client() as client:
        old = client.create_container(plugin_file=archive)
        client.update_container(old["id"], status="stopped")
    cut_off, _ = process_host.open()._bench.store.begin_build(old["record"])
    monkeypatch.setattr(engine, "describe", describe_late)
    monkeypatch.setattr(engine, "create", create_slowly)
    with process_host.client() as client:
        made = client.create_container(f"{code}@1.0.0", model=1)

        assert client.wait_for_build(cut_off.id, timeout=200)["status"] == "running"
        assert set(engine.boxes) == {old["id"], made["id"]}
        assert len(created) == 1
        assert ask(made)["path"] == "/"


def test_an_idle_app_is_stopped(host, code, tmp_path):
    with host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        host.settings.idle_seconds = 1.0

        until(lambda: client.get_container(made["id"])["status"] == "stopped")


def test_removing_what_is_being_made_leaves_nothing(host, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.HANGS)
    with host.client() as client:
        answer = client.create_container(plugin_file=archive, wait=False)
        until(lambda: host.engine.find_labelled({AGENT_LABEL: host.mark}))
        client.delete_container(client.list_containers()["results"][0]["record"])

        assert client.get_build_status(answer["build_id"])["status"] == "cancelled"
        until(lambda: not host.engine.find_labelled({AGENT_LABEL: host.mark}))
        with pytest.raises(ContainerBuildError, match="cancelled"):
            client.wait_for_build(answer["build_id"])


def test_what_cannot_be_made_is_refused(client, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    with pytest.raises(ValidationError, match="publish it"):
        client.create_container("nobody@1.0.0")
    with pytest.raises(ConflictError, match="not other@1"):
        client.create_container("other@1", plugin_file=archive)
    with pytest.raises(ValidationError, match="PLUGIN_PARAMS"):
        client.create_container(plugin_file=archive, envs={"PLUGIN_PARAMS": "{}"})
    with pytest.raises(ValidationError, match="model: "):
        client.create_container(plugin_file=archive, model="9" * 5000)
    with pytest.raises(ValidationError, match="no filter"):
        client.list_containers(params={"colour": "red"})
    with pytest.raises(NotFoundError):
        client.get_build_status("00000000-0000-0000-0000-000000000000")


def test_an_engine_that_is_away_loses_nothing(process_host, code, tmp_path):
    engine = process_host.engine
    with process_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        engine.is_away = True
        assert process_host.playground.health().problem.startswith("No container engine answers")
        with pytest.raises(ServerError, match="No container engine answers"):
            client.create_container(f"{code}@1.0.0")
        time.sleep(0.5)
        assert client.get_container(made["id"])["status"] == "running"
        engine.is_away = False
        assert client.create_container(f"{code}@1.0.0")["id"] == made["id"]


def test_a_port_that_is_snatched_away_meanwhile_is_left_to_whoever_has_it(process_host, code, tmp_path, monkeypatch):
    engine, create, taken = process_host.engine, process_host.engine.create, []

    def create_late(order):
        if not taken:
            taken.append(socket.create_server(("127.0.0.1", order.host_port)))
        return create(order)

    monkeypatch.setattr(engine, "create", create_late)
    with process_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))

    assert made["host_port"] != taken[0].getsockname()[1]
    assert list(engine.boxes) == [made["id"]]
    taken[0].close()


@pytest.mark.parametrize("moment", ["build_image", "create", "start"])
def test_an_engine_that_refuses_leaves_a_failed_record_and_nothing_else(
    process_host, code, tmp_path, monkeypatch, moment
):
    def refuse(*_arguments):
        raise EngineError("no space left on device")

    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    with process_host.client() as client:
        with monkeypatch.context() as broken:
            broken.setattr(process_host.engine, moment, refuse)
            with pytest.raises(ContainerBuildError, match="no space left"):
                client.create_container(plugin_file=archive)
        (row,) = client.list_containers()["results"]
        assert (row["status"], row["host_port"], process_host.engine.boxes) == ("failed", None, {})
        assert client.create_container(f"{code}@1.0.0")["status"] == "running"
