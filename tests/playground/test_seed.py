"""The playground seed: its code blocks as they stand, its tables row by row, on plain processes and on Docker."""

import inspect
import json
import sqlite3
import typing
import urllib.request
from pathlib import Path

import pytest
import yaml

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.services.containers.image.dockerfile import write_dockerfile
from synapse_agent.services.containers.records import AppFacts
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.clients.agent.container import ContainerClientMixin
from synapse_sdk.plugins.models import PluginRelease
from synapse_sdk.wire.containers import APP_PORT, FIRST_PORT, LAST_PORT
from tests.playground import apps
from tests.playground.scene import write_release
from tests.seeds.cut import cut, seed_lines

SEED = "003"
# What kept the documents' readers from being mailed.
HIDDEN = "[email\xa0protected]"

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]


def line_of(text: str, after: int = 0) -> int:
    lines = enumerate(seed_lines(SEED), 1)
    return next(number for number, line in lines if number > after and line.startswith(text))


def block(first: str, levels: str, *, after: int = 0, width: int = 4) -> str:
    return cut(SEED, line_of(first, after), levels, width=width)


CREATE = line_of("response = client.create_container(") if Path(__file__).parents[3].joinpath("shared").exists() else 0


def create_by_name() -> str:
    return block("response = client.create_container(", "0 111111 0")


def create_by_object() -> str:
    return block("from synapse_sdk.plugins.models", "0 0 0 0 1112 1 0 0 0 11 0")


def create_by_archive() -> str:
    return block("# 로컬 플러그인 아카이브를", "0 0 11 0")


def create_twice() -> str:
    return block("# 첫 번째 호출", "000 0 000")


def listing() -> str:
    return block("# 모든 컨테이너 목록", "0000 000 000 1")


class Seed:
    """Runs blocks of the seed with what they leave out: the plugin's name, paths, and an id."""

    def __init__(self, client: AgentClient, code: str, archive: Path):
        self.names = {"client": client}
        self.replaced = {
            HIDDEN: f"{code}@1.0.0",
            "'my-plugin'": repr(code),
            "/path/to/plugin-release.zip": str(archive),
        }

    def run(self, text: str) -> dict:
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        exec(compile(text, "seed", "exec"), self.names)
        return self.names


@pytest.fixture
def published(tmp_path, code):
    return write_release(tmp_path / "published", code=code, app=apps.ECHO)


@pytest.fixture
def seed(host, code, published):
    """The seed's reader, whose server has the release."""

    def fetch(name: str) -> str | None:
        with published.open("rb") as archive:
            return host.playground.shelf.take(archive) if name == f"{code}@1.0.0" else None

    host.fetch = fetch
    with host.client() as client:
        yield Seed(client, code, published)


def ask(container: dict) -> dict:
    with urllib.request.urlopen(container["endpoint"], timeout=60) as answer:
        return json.load(answer)


def test_client_is_made_as_the_seed_makes_it():
    names = {}
    exec(block("from synapse_sdk.clients.agent import", "000"), names)

    assert isinstance(names["client"], ContainerClientMixin)
    assert names["client"].base_url == "http://agent-url:8000"
    assert AgentClient(base_url="http://agent-url:8000", agent_token="x").base_url == names["client"].base_url


def test_a_container_is_created_by_name_and_answers_as_the_seed_says(seed, code):
    response = seed.run(create_by_name())["response"]

    expected = yaml.safe_load(block("{", "0111110", after=CREATE))
    assert set(expected) <= set(response)
    assert (response["status"], response["image"]) == (expected["status"], expected["image"].replace("my-plugin", code))
    assert response["endpoint"].rpartition(":")[0] == "http://127.0.0.1"
    assert "restarted" not in {key for key, value in response.items() if value}
    assert ask(response)["params"] == {"input_size": 512}
    record = seed.names["client"].get_container(response["id"])
    assert (record["labels"], record["metadata"], record["model"]) == (
        ["gradio", "production"],
        {"created_by": "admin"},
        123,
    )


def test_a_container_is_created_by_object_by_archive_and_twice(seed):
    by_object = seed.run(create_by_object())["response"]
    assert ask(by_object)["params"] == {"batch_size": 32}
    by_archive = seed.run(create_by_archive())["response"]
    assert (by_archive["id"], by_archive["restarted"]) == (by_object["id"], True)

    names = seed.run(create_twice())

    first, second = names["response1"], names["response2"]
    assert first["id"] == second["id"] != by_object["id"]
    assert (first.get("restarted"), second["restarted"], second["status"]) == (None, True, "running")


def test_containers_are_listed_shown_and_removed(seed, capsys):
    made = seed.run(create_by_archive())["response"]
    names = seed.run(listing())
    assert (names["count"], names["result"]["count"], len(names["result"]["results"])) == (1, 1, 1)
    assert capsys.readouterr().out == f"{made['name']}: running\n"

    seed.replaced["abc123def456"] = made["id"][:12]
    shown = seed.run(block('container = client.get_container("abc', "00000000"))["container"]
    assert (shown["id"], shown["name"], shown["status"]) == (made["id"], made["name"], "running")
    assert shown["attrs"]["Id"] == made["id"]
    seed.run(block('client.delete_container("abc', "00"))
    assert seed.names["client"].list_containers()["count"] == 0


def test_the_reference_of_each_method_is_its_signature():
    for name in ("create_container", "list_containers", "get_container", "delete_container", "health_check"):
        start = line_of(f"def {name}(")
        lines = seed_lines(SEED)[start - 1 :]
        end = next(number for number, line in enumerate(lines) if "->" in line)
        text = "\n".join(lines[: end + 1]).replace("def ", "async def ", 1) + ": ..."
        space = {**vars(typing), "PluginRelease": PluginRelease, "Path": Path}
        exec(text, space)
        wanted = inspect.signature(space[name]).parameters
        ours = dict(inspect.signature(getattr(AgentClient, name)).parameters)
        ours.pop("self")
        # What is ours alone has a default and is keyword-only.
        assert [*ours][: len(wanted)] == [*wanted]
        assert all(ours[key].default == each.default for key, each in wanted.items())
        assert all(ours[key].kind == each.kind for key, each in wanted.items())
        assert all(each.kind is each.KEYWORD_ONLY for key, each in ours.items() if key not in wanted)


def test_exceptions_are_the_seeds(seed, tmp_path):
    client = seed.names["client"]
    with pytest.raises(ValueError, match="plugin_release"):
        client.create_container()
    with pytest.raises(TypeError, match="PluginRelease"):
        client.create_container(123)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        client.create_container("my-plugin@1.0.0", plugin_file=tmp_path / "nowhere.zip")


def test_the_database_has_the_seeds_fields(seed, host):
    seed.run(create_by_archive())
    start = line_of("필드설명")
    fields = seed_lines(SEED)[start : start + 6]

    with sqlite3.connect(host.home / "playground" / "playground.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(containers)")]

    for field in ("container_id", "plugin_release", "model", "host_port", "status", "created_at", "updated_at"):
        assert field in columns
        assert any(field in line for line in fields)


def test_ports_base_image_and_dockerfile_are_the_seeds():
    lines = seed_lines(SEED)
    assert any(f"{FIRST_PORT}-{LAST_PORT}" in line for line in lines)
    assert any(f"{APP_PORT} 포트" in line for line in lines)
    settings = PlaygroundSettings()
    assert (settings.first_port, settings.last_port) == (FIRST_PORT, LAST_PORT)
    assert "config.GRADIO_CONTAINER_BASE_IMAGE" in "\n".join(lines)
    text = write_dockerfile(AppFacts("plugin/gradio_interface.py", "app", settings.gradio_container_base_image, "0"))
    start = line_of("FROM {base_image}")
    wanted = [line for line in lines[start - 1 : start + 3] if line]
    assert wanted[0].format(base_image=settings.gradio_container_base_image) in text
    assert wanted[1] in text
    assert wanted[2].removeprefix("RUN ") in text


@pytest.mark.system
def test_the_seeds_plugin_runs_with_real_gradio(docker_host, code, tmp_path):
    start = line_of("import gradio as gr")
    app = cut(SEED, start, "00 0 111 0 0 1111 0 0 0 1")
    app = app.replace("def predict", block("import os", "00000").replace("\n\n", "\n") + "\ndef predict").replace(
        "result = model.predict(image)", "result = {str(input_size): 1.0}"
    )
    config = block("code: my-plugin", "0000 0 0 1 22", width=2)
    archive = write_release(tmp_path, code=code, app=app, files={"config.yaml": config.replace("my-plugin", code)})

    with docker_host.client() as client:
        made = client.create_container(plugin_file=archive, params={"input_size": 640})

        with urllib.request.urlopen(made["endpoint"] + "/config", timeout=60) as answer:
            page = json.load(answer)
        assert page["title"] == "My Plugin Playground"
        assert "gradio" in client.get_container(made["id"])["attrs"]["Config"]["Cmd"][2]
