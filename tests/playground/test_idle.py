"""What happens to an app that nobody uses: it is paused, goes on when it is asked for, and is stopped in the end."""

import socket
import urllib.request
from dataclasses import replace

import pytest

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.engines.docker.protocol import RunState, Usage
from synapse_agent.services.containers.keeper import IdleStep, Use, idle_step
from synapse_agent.services.containers.records import UNKNOWN, AppFacts, ContainerRow
from synapse_sdk.wire.containers import APP_PORT, ContainerStatus
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import write_release

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]
ROW = ContainerRow(
    id=1,
    plugin_release="a@1",
    model=None,
    checksum="c",
    spec="s",
    image="i",
    app=AppFacts("plugin/gradio_interface.py", "app", "base", "sha"),
    params={},
    envs={},
    labels=(),
    metadata={},
    container_id="x" * 64,
    name="n",
    host_port=7860,
    status=ContainerStatus.RUNNING,
    error=None,
    build_id=None,
    used_at=1000.0,
    received=5000,
    created_at="",
    updated_at="",
)
SETTINGS = PlaygroundSettings(idle_pause_seconds=10, idle_seconds=100, look_seconds=5)
RUNS, PAUSED = RunState.RUNNING, RunState.PAUSED


@pytest.mark.parametrize(
    ("state", "silence", "received", "worked", "step"),
    [
        (RUNS, 5, 5000, 0.0, IdleStep.NOTHING),
        (RUNS, 11, 5000, 0.0, IdleStep.PAUSE),
        (RUNS, 11, 5000 + 4000, 0.0, IdleStep.PAUSE),
        (RUNS, 11, 5000 + 5000, 0.0, IdleStep.NOTE),
        # It was started anew.
        (RUNS, 11, 100, 0.0, IdleStep.NOTE),
        # Nobody says a word while it works on an answer for twenty minutes.
        (RUNS, 500, 5000, 4.0, IdleStep.NOTE),
        (RUNS, 500, 5000, 0.01, IdleStep.STOP),
        (PAUSED, 50, 5000, 0.0, IdleStep.NOTHING),
        (PAUSED, 50, 5000 + 200, 0.0, IdleStep.NOTHING),
        (PAUSED, 50, 5000 + 500, 0.0, IdleStep.WAKE),
        (PAUSED, 101, 5000, 0.0, IdleStep.STOP),
    ],
)
def test_every_case_of_an_idle_app(state, silence, received, worked, step):
    use = Use(Usage(5000, 7.0), Usage(received, 7.0 + worked), ROW.used_at + silence)
    assert idle_step(ROW, state, use, SETTINGS) is step


@pytest.mark.parametrize(
    ("marked", "unread", "received", "silence", "step"),
    [
        # The smallest request wakes it, and what hosts say about themselves does not, however much it is.
        ((0, 5000), 60, 5060, 50, IdleStep.WAKE),
        ((0, 5000), 0, 9000, 50, IdleStep.NOTHING),
        ((0, UNKNOWN), 0, 9000, 50, IdleStep.NOTHING),
        # Who was waiting when it was paused by hand waits on, has left, or is followed by another.
        ((300, 5000), 300, 5000, 50, IdleStep.NOTHING),
        ((300, 5000), 0, 5000, 50, IdleStep.MARK),
        ((300, 5000), 360, 5060, 50, IdleStep.WAKE),
        # Where nobody can tell who waits.
        ((0, 5000), None, 5070, 50, IdleStep.MARK),
        ((0, UNKNOWN), None, 5000, 50, IdleStep.MARK),
        ((0, UNKNOWN), None, 5000, 101, IdleStep.STOP),
        ((0, 5000), None, 5500, 50, IdleStep.WAKE),
    ],
)
def test_every_case_of_a_call_to_a_paused_app(marked, unread, received, silence, step):
    row = replace(ROW, waiting=marked[0], received=marked[1])
    use = Use(Usage(received, 7.0), Usage(received, 7.0), ROW.used_at + silence, unread)
    assert idle_step(row, PAUSED, use, SETTINGS) is step


def test_it_may_be_told_never_to_pause_and_never_to_stop():
    use = Use(Usage(5000, 7.0), Usage(5000, 7.0), ROW.used_at + 10**6)
    never = PlaygroundSettings(idle_pause_seconds=0, idle_seconds=0)
    assert idle_step(ROW, RUNS, use, never) is IdleStep.NOTHING
    assert idle_step(replace(ROW), RUNS, use, never.model_copy(update={"idle_seconds": 5.0})) is IdleStep.STOP


def test_an_idle_app_is_paused_and_goes_on_when_it_is_asked_for(host, code, tmp_path):
    with host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        host.settings.idle_pause_seconds = 0.5
        until(lambda: client.get_container(made["id"])["status"] == "paused")
        assert host.engine.inspect(made["id"]).state is PAUSED
        host.settings.idle_pause_seconds = 0

        again = client.create_container(f"{code}@1.0.0")

        assert (again["id"], again["status"], again["restarted"]) == (made["id"], "running", True)
        with urllib.request.urlopen(again["endpoint"], timeout=60) as answer:
            assert answer.status == 200


@pytest.mark.system
def test_a_call_at_its_own_endpoint_wakes_it_too(docker_host, code, tmp_path):
    with docker_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        client.update_container(made["id"], status="paused")
        with urllib.request.urlopen(made["endpoint"] + "/" + "x" * 500, timeout=100) as answer:
            assert answer.status == 200
        until(lambda: client.get_container(made["id"])["status"] == "running")


def test_what_an_app_received_before_it_was_paused_does_not_wake_it(process_host, code, tmp_path):
    # It looks once at the start, and then when this test says so.
    process_host.settings.look_seconds = 1000
    with process_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        process_host.engine.received[made["id"]] = 3000
        client.update_container(made["id"], status="paused")

        process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "paused"

        process_host.engine.received[made["id"]] += 500
        process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "running"


def test_what_hosts_say_about_themselves_wakes_no_paused_app(process_host, code, tmp_path):
    process_host.settings.look_seconds = 1000
    engine = process_host.engine
    with process_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        client.update_container(made["id"], status="paused")
        # One packet now and then, as IPv6 does for ever.
        for _ in range(10):
            engine.received[made["id"]] = engine.received.get(made["id"], 0) + 70
            process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "paused"
        # Where the engine tells who waits, any amount of it.
        engine.unread[made["id"]] = 0
        engine.received[made["id"]] += 5000
        process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "paused"
        engine.unread[made["id"]] = 60
        process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "running"


@pytest.mark.parametrize("how", ["by hand, measured in vain", "with the engine's own tool"])
def test_what_an_app_received_before_a_pause_that_nobody_measured_does_not_wake_it(
    process_host, code, tmp_path, monkeypatch, how
):
    process_host.settings.look_seconds = 1000
    engine = process_host.engine
    with process_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        engine.received[made["id"]] = 3000
        if how == "with the engine's own tool":
            engine.pause(made["id"])
        else:
            with monkeypatch.context() as broken:
                broken.setattr(engine, "usage", lambda _container: None)
                client.update_container(made["id"], status="paused")

        for received in (0, 0, 500):
            assert client.get_container(made["id"])["status"] == "paused"
            engine.received[made["id"]] += received
            process_host.playground._keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "running"


def test_who_pauses_what_is_paused_already_is_told_so(host, code, tmp_path):
    with host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        for _ in range(2):
            assert client.update_container(made["id"], status="paused")["status"] == "paused"
        assert host.engine.inspect(made["id"]).state is PAUSED


@pytest.mark.system
def test_on_docker_only_a_call_wakes_a_paused_app_and_the_smallest_does(docker_host, code, tmp_path):
    docker_host.settings.look_seconds = 1000
    with docker_host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        client.update_container(made["id"], status="paused")
        keeper, engine = docker_host.playground._keeper, docker_host.engine
        if engine.waiting(made["id"], APP_PORT) is None:
            pytest.skip("this engine's processes cannot be seen from here")
        network = next(iter(client.get_container(made["id"])["attrs"]["NetworkSettings"]["Networks"].values()))
        before = engine.usage(made["id"]).received
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for _ in range(5):
                noise.sendto(b"x" * 1000, (network["IPAddress"], 9))
        until(lambda: engine.usage(made["id"]).received > before + 5000)
        keeper.reconcile()
        assert client.get_container(made["id"])["status"] == "paused"

        with socket.create_connection(("127.0.0.1", made["host_port"]), timeout=100) as caller:
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            until(lambda: engine.waiting(made["id"], APP_PORT))
            keeper.reconcile()
            assert client.get_container(made["id"])["status"] == "running"
            assert caller.recv(100).startswith(b"HTTP/1.0 200")


def test_an_app_that_is_paused_is_stopped_in_the_end(host, code, tmp_path):
    with host.client() as client:
        made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
        client.update_container(made["id"], status="paused")
        host.settings.idle_seconds = 0.5
        until(lambda: client.get_container(made["id"])["status"] == "stopped")
        until(lambda: host.engine.inspect(made["id"]).state is RunState.EXITED)
