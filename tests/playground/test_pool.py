"""Containers that wait with their packages imported: who gets one, who does not, and that none is lost or left."""

import json
import threading
import urllib.request
from dataclasses import replace

import pytest

from synapse_agent.engines.docker.protocol import AGENT_LABEL, RECORD_LABEL, WARM_LABEL, RunState
from synapse_agent.services.containers.pool import kit_of, wanted_kits
from synapse_agent.services.containers.records import AppFacts
from synapse_agent.services.containers.workshop import BuildRun
from synapse_sdk.exceptions import ContainerBuildError
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import PlaygroundHost, write_release
from tests.playground.test_idle import ROW

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]
APP = AppFacts("plugin/gradio_interface.py", "app", "base", "sha", packages="p1")
FILES = {"plugin/words.py": "WORD = 'hello'\n", "data/words.txt": "hello\n"}
USES_FILES = apps.SERVER + (
    "from plugin.words import WORD\nassert open('data/words.txt').read().strip() == WORD\nprint('the app begins')\nserve()\n"
)


def ask(container: dict, path: str = "/") -> dict:
    with urllib.request.urlopen(container["endpoint"] + path, timeout=60) as answer:
        return json.load(answer)


def ready(host: PlaygroundHost) -> list:
    return [warm for warm in host.playground._bench.store.all_warm() if warm.is_ready]


def test_the_packages_that_were_used_last_wait():
    rows = [replace(ROW, id=n, used_at=n, app=replace(APP, packages=p)) for n, p in enumerate(["a", "b", "a", "c"])]
    kits = {packages: kit_of(replace(APP, packages=packages)) for packages in "abc"}
    assert len(set(kits.values())) == 3
    counts = {size: {kit: count for kit, (_, count) in wanted_kits(rows, size).items()} for size in (1, 2, 3, 4, 5)}
    assert counts[1] == {kits["c"]: 1}
    assert counts[2] == {kits["c"]: 1, kits["a"]: 1}
    assert counts[4] == {kits["c"]: 2, kits["a"]: 1, kits["b"]: 1}
    assert sum(counts[5].values()) == 5
    assert wanted_kits([], 3) == {}
    # What a container cannot be given later, it must have: GPUs never, other limits by another kit.
    assert kit_of(replace(APP, gpus=1)) is None
    assert kit_of(replace(APP, packages="")) is None
    assert kit_of(replace(APP, memory_bytes=2**30)) != kit_of(APP)


@pytest.fixture
def client(host):
    host.settings.warm_pool = 1
    with host.client() as client:
        yield client


def warm_up(host, client, code, folder):
    """One that waits, for the packages of a release that was there before."""
    first = client.create_container(plugin_file=write_release(folder, code=f"{code}-first", app=apps.ECHO))
    until(lambda: ready(host), 120)
    return first


def test_a_release_of_the_same_packages_is_taken_by_one_that_waits(host, client, code, tmp_path):
    first = warm_up(host, client, code, tmp_path)
    (warm,) = ready(host)
    archive = write_release(tmp_path, code=code, app=USES_FILES, files=FILES)
    made = client.create_container(plugin_file=archive, params={"size": 5}, envs={"WHO": "me"}, model=3)
    assert (made["id"], made["host_port"]) == (warm.container_id, warm.host_port)
    assert ask(made, "/x") == {"params": {"size": 5}, "path": "/x", "who": "me"}
    # It is the record's from now on: found again, and no orphan.
    again = client.create_container(f"{code}@1.0.0", model=3)
    assert (again["id"], again["restarted"]) == (made["id"], True)
    # Another one waits in its place, on another port.
    until(lambda: ready(host), 120)
    assert len({first["host_port"], made["host_port"], ready(host)[0].host_port}) == 3
    assert client.get_container(made["id"])["status"] == "running"
    client.delete_container(made["record"])
    mine = lambda: {found.id for found in host.engine.find_labelled({AGENT_LABEL: host.mark})}  # noqa: E731
    until(lambda: mine() == {first["id"], *(warm.container_id for warm in host.playground._bench.store.all_warm())})


def test_one_from_the_pool_that_ended_is_made_anew_in_the_usual_way(host, client, code, tmp_path):
    warm_up(host, client, code, tmp_path)
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
    assert WARM_LABEL in host.engine.inspect(made["id"]).labels
    assert client.update_container(made["id"], status="stopped")["status"] == "stopped"
    again = client.create_container(f"{code}@1.0.0")
    assert (again["recreated"], again["host_port"]) == (
        "its process came from the pool and has ended",
        made["host_port"],
    )
    found = host.engine.inspect(again["id"])
    assert (found.labels.get(WARM_LABEL), found.labels[RECORD_LABEL]) == (None, str(made["record"]))
    assert ask(again)["params"] == {}


def test_an_app_that_ends_as_soon_as_it_is_taken_says_why_at_once(host, client, code, tmp_path, monkeypatch):
    warm_up(host, client, code, tmp_path)
    say = BuildRun._say

    def say_late(run, build, container):
        say(run, build, container)
        taken = run._row().container_id
        until(lambda: taken is None or host.engine.inspect(taken).state is RunState.EXITED)

    monkeypatch.setattr(BuildRun, "_say", say_late)
    with pytest.raises(ContainerBuildError, match=apps.WHY_IT_CRASHES):
        client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.CRASHES))


def test_one_from_the_pool_that_was_removed_from_outside_is_made_anew(host, client, code, tmp_path):
    warm_up(host, client, code, tmp_path)
    made = client.create_container(plugin_file=write_release(tmp_path, code=code, app=apps.ECHO))
    # Nobody waits in its place.
    host.settings.warm_pool = 0
    until(lambda: not host.playground._bench.store.all_warm())
    host.engine.remove(made["id"])

    again = client.create_container(f"{code}@1.0.0")

    assert ask(again)["path"] == "/"
    assert host.playground._bench.store.find(made["record"]).adopted is None


def test_other_packages_and_early_variables_start_in_the_usual_way(host, client, code, tmp_path):
    warm_up(host, client, code, tmp_path)
    (warm,) = ready(host)
    other = write_release(tmp_path, code=f"{code}-other", app=apps.ECHO, requirements="pip\n")
    assert client.create_container(plugin_file=other)["id"] != warm.container_id
    early = write_release(tmp_path, code=f"{code}-early", app=apps.ECHO)
    made = client.create_container(plugin_file=early, envs={"GRADIO_DEFAULT_CONCURRENCY_LIMIT": "3"})
    assert WARM_LABEL not in host.engine.inspect(made["id"]).labels


def test_what_waits_is_taken_once_and_its_end_is_no_harm(process_host, code, tmp_path):
    host = process_host
    host.settings.warm_pool = 2
    with host.client() as client:
        warm_up(host, client, code, tmp_path)
        until(lambda: len(ready(host)) == 2, 120)
        # One of the two has ended and nobody has noticed yet.
        victim = ready(host)[0]
        process = host.engine.boxes[victim.container_id].process
        process.kill()
        process.wait(60)
        made = []
        archive = write_release(tmp_path, code=code, app=apps.ECHO)

        def create(model: int):
            made.append(client.create_container(plugin_file=archive, model=model, timeout=200))

        threads = [threading.Thread(target=create, args=(model,)) for model in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(200)
        assert len({each["id"] for each in made}) == len({each["host_port"] for each in made}) == 4
        assert all(ask(each)["path"] == "/" for each in made)


def test_a_pool_that_is_switched_off_is_removed_and_a_restarted_agent_keeps_its_own(process_host, code, tmp_path):
    host = process_host
    host.settings.warm_pool = 1
    with host.client() as client:
        warm_up(host, client, code, tmp_path)
        (warm,) = ready(host)
    with host.client() as client:
        assert [each.container_id for each in ready(host)] == [warm.container_id]
        assert host.engine.inspect(warm.container_id).state is RunState.RUNNING
        host.settings.warm_pool = 0
        until(lambda: host.engine.inspect(warm.container_id) is None)
        until(lambda: not host.playground._bench.store.all_warm())
        # And one that an agent's death left between the engine and the records.
        host.settings.warm_pool = 1
        until(lambda: ready(host), 120)
        (stray,) = ready(host)
        host.playground._bench.store.forget_warm(stray.container_id)
        until(lambda: host.engine.inspect(stray.container_id) is None)
        assert client.list_containers()["results"][0]["status"] == "running"
