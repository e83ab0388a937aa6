"""What only a real engine can show: containers kept apart, real Gradio, a real agent killed at bad moments."""

import json
import re
import socket
import threading
import time
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest
from docker import errors

from synapse_agent.engines.docker import network
from synapse_agent.engines.docker.engine import DockerEngine
from synapse_agent.engines.docker.protocol import AGENT_LABEL, IMAGE_LABEL, NoContainerError
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.file.archive import create_archive
from tests.agent.stage import Stage, until
from tests.playground import apps
from tests.playground.engines import BASE_IMAGE, remove_all_of
from tests.playground.scene import write_release

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("playground"), pytest.mark.timeout(600)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "coin-counter"


def ask(container: dict, **wishes) -> dict:
    query = urllib.parse.urlencode(wishes, doseq=True)
    with urllib.request.urlopen(f"{container['endpoint']}/?{query}", timeout=60) as answer:
        return json.load(answer)


def test_an_app_has_no_rights_and_reaches_neither_the_host_nor_others(docker_host, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.REACHES)
    with docker_host.client() as client, socket.create_server(("0.0.0.0", 0)) as program:
        one = client.create_container(plugin_file=archive)
        other = client.create_container(f"{code}@1.0.0", model=2)
        attrs = client.get_container(other["id"])["attrs"]
        address = next(iter(attrs["NetworkSettings"]["Networks"].values()))["IPAddress"]
        facts = ask(one)
        port = program.getsockname()[1]

        targets = [f"{facts['gateway']}:{port}", f"{own_address()}:{port}", f"{address}:7860"]
        targets += [f"{own_address()}:{other['host_port']}", f"{facts['gateway']}:{other['host_port']}"]
        found = ask(one, connect=targets, write=["/x", "/app/x", "/app/plugin/x", "/tmp/x", "/proc/sys/kernel/x"])[
            "found"
        ]

    assert facts["uid"] == 65534
    status = dict(re.findall(r"^(\w+):\t(.*)$", facts["status"], re.MULTILINE))
    assert {name: status[name] for name in ("CapPrm", "CapEff", "CapBnd")} == dict.fromkeys(
        ("CapPrm", "CapEff", "CapBnd"), "0" * 16
    )
    assert status["NoNewPrivs"] == "1"
    assert not facts["socket"]
    assert {target for target in targets if found[target] == "open"} == set()
    assert {name for name, answer in found.items() if answer == "written"} == {"/tmp/x"}
    host = attrs["HostConfig"]
    assert (host["Privileged"], host["ReadonlyRootfs"], host["Init"], host["Binds"]) == (False, True, True, None)
    assert host["PidsLimit"] == docker_host.settings.processes
    assert host["Memory"] == host["MemorySwap"] == docker_host.settings.memory_bytes
    assert host["LogConfig"]["Config"] == {"max-file": "2", "max-size": str(docker_host.settings.log_bytes)}


def own_address() -> str:
    """An address of this host that is not the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return probe.getsockname()[0]


def test_a_network_that_several_make_at_the_same_moment_is_made_once(docker, monkeypatch):
    name = f"synapse-test-{uuid.uuid4().hex[:6]}"
    monkeypatch.setattr(network, "NETWORK", name)
    monkeypatch.setattr(network, "BRIDGE", f"syn-{uuid.uuid4().hex[:6]}")
    together = threading.Barrier(4, timeout=60)

    def make(_number):
        together.wait()
        with docker._connection.api() as api:
            network.ensure_network(api)

    try:
        with ThreadPoolExecutor(4) as makers:
            list(makers.map(make, range(4)))
    finally:
        with docker._connection.api() as api:
            for row in api.networks(names=[name]):
                api.remove_network(row["Id"])


class Removing:
    """The SDK's client, of an engine that is just removing a container."""

    def logs(self, *_arguments, **_options):
        raise errors.APIError("409", explanation="can not get logs from container which is dead or marked for removal")

    def close(self):
        pass


def test_the_log_of_what_is_just_being_removed_is_that_of_none():
    engine = DockerEngine()
    engine._connection._api = Removing()
    with pytest.raises(NoContainerError):
        engine.read_log("x", 10)


def test_the_example_counts_the_coins_of_a_photograph(docker_host, tmp_path):
    from skimage import data, io

    photograph = tmp_path / "coins.png"
    io.imsave(photograph, data.coins())
    archive = tmp_path / "coin-counter.zip"
    create_archive(EXAMPLE, archive)
    with docker_host.client() as client:
        made = client.create_container(plugin_file=archive, timeout=400)
        with httpx2.Client(base_url=made["endpoint"], timeout=60, trust_env=False) as page:
            with photograph.open("rb") as content:
                (path,) = page.post("/gradio_api/upload", files={"files": ("coins.png", content, "image/png")}).json()
            wish = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}, 20]}
            event = page.post("/gradio_api/call/count_coins", json=wish).json()["event_id"]
            text = page.get(f"/gradio_api/call/count_coins/{event}").text
            drawn, count = json.loads(text.partition("data: ")[2].splitlines()[0])
            assert page.get(f"/gradio_api/file={drawn['path']}").status_code == 200

    assert text.startswith("event: complete")
    # There are 24.
    assert 20 <= int(count.split()[0]) <= 26


def test_a_hundred_creates_of_twenty_pairs_give_twenty_containers(docker_host, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    found, problems = [], []
    with docker_host.client() as client:
        client.create_container(plugin_file=archive, model=0)

        def create(model: int):
            try:
                found.append(client.create_container(f"{code}@1.0.0", model=model, timeout=400))
            except (ClientError, RuntimeError, TimeoutError) as exc:
                problems.append(exc)

        threads = [threading.Thread(target=create, args=(number % 20,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(400)

        assert not problems
        assert len(found) == 100
        assert len({each["id"] for each in found}) == len({each["host_port"] for each in found}) == 20
        until(lambda: len(docker_host.engine.find_labelled({AGENT_LABEL: docker_host.mark})) == 20)


class AgentOnDocker:
    """A real agent as a process, with its playground on the real engine."""

    def __init__(self, folder: Path, engine):
        self.stage, self.engine = Stage(folder), engine
        settings = {"playground_gradio_container_base_image": BASE_IMAGE, "playground_look_seconds": 0.5}
        settings["playground_first_port"] = 8600
        self.agent = self.stage.start_agent(**settings)

    def client(self) -> AgentClient:
        return AgentClient(self.agent.url, self.agent.api_token)

    def kill_and_revive(self):
        port = self.agent.port
        self.agent.kill()
        self.agent.start(port)
        self.agent.wait_up()

    @property
    def mark(self) -> str:
        return (self.agent.home / "playground" / "mark").read_text().strip()

    def mine(self) -> list:
        return self.engine.find_labelled({AGENT_LABEL: self.mark})


@pytest.fixture(scope="module")
def real(tmp_path_factory, docker):
    real = AgentOnDocker(tmp_path_factory.mktemp("stage"), docker)
    yield real
    # An agent that runs would make again what its records name.
    real.stage.close()
    remove_all_of(docker, real.mark)
    assert docker.list_images({IMAGE_LABEL: real.mark}) == []


def test_an_agent_that_is_killed_goes_on_with_what_it_did(real, code, tmp_path):
    slow = "import time\ntime.sleep(2)\n" + apps.ECHO
    archive = write_release(tmp_path, code=code, app=slow)
    # While it builds, and while the app starts.
    for wait in (0.2, 1.5):
        with real.client() as client:
            build = client.create_container(plugin_file=archive, wait=False, params={"wait": wait})["build_id"]
            time.sleep(wait)
            real.kill_and_revive()
            made = client.wait_for_build(build, timeout=200)
            assert ask(made)["params"] == {"wait": wait}
            until(lambda made=made: [each.id for each in real.mine()] == [made["id"]])
            # Containers that run are kept.
            real.kill_and_revive()
            until(lambda made=made: client.get_container(made["id"])["status"] == "running")
    # While it is removed.
    with real.client() as client:
        remover = threading.Thread(target=remove_quietly, args=(client, made["id"]))
        remover.start()
        time.sleep(0.02)
        real.kill_and_revive()
        remover.join()
        until(lambda: len(real.mine()) == len(client.list_containers()["results"]))


def remove_quietly(client: AgentClient, container_id: str):
    with suppress(ClientError):
        client.delete_container(container_id)


def test_a_release_of_the_server_is_made_by_its_name(real, code, tmp_path):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)
    form = {"plugin": code, "version": "1.0.0", "debug": True}
    config = {
        "code": code,
        "name": "x",
        "version": "1.0.0",
        "actions": {"gradio": {"entrypoint": "plugin.gradio_interface.app"}},
    }
    real.stage.v1.create_plugin_release({**form, "config": config}, file=archive)

    with real.client() as client:
        health = client.health_check()["containers"]
        assert (health["available"], health["problem"]) == (True, None)
        made = client.create_container(f"{code}@1.0.0")
        assert ask(made)["params"] == {}
        client.delete_container(made["id"])
