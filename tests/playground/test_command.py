"""`synapse playground`, as a person types it, against a real API in a thread."""

import json
import socket
import threading
import time

import pytest
import uvicorn
from typer.testing import CliRunner

from synapse_sdk.cli import main
from synapse_sdk.cli.playground import command, reaching
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import TOKEN, write_release

pytestmark = pytest.mark.xdist_group("playground")


@pytest.fixture
def served(process_host):
    """The playground's API on a port of its own."""
    with process_host.served() as app:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(60)
        listener.close()


@pytest.fixture
def synapse(served, monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "api.url").write_text(served)
    (home / "api.token").write_text(TOKEN)
    monkeypatch.setattr(reaching, "HOMES", (home,))
    monkeypatch.setattr(command.webbrowser, "open", lambda _url: True)

    def run(*arguments):
        return CliRunner().invoke(main.build_app([]), ["playground", *arguments])

    return run


def test_a_folder_is_tried_watched_stopped_and_removed(synapse, tmp_path, code):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)

    made = synapse("create", "--file", str(archive), "--params", '{"a": 1}', "--env", "WHO=me", "--json")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout)
    assert (facts["status"], facts["params"]) == ("running", {"a": 1})
    # What the build printed.
    assert "FROM process-base" in made.stderr
    assert f"{code}@1.0.0" in synapse("list").stdout
    assert synapse("open", f"{code}@1.0.0").stdout.strip() == facts["endpoint"]
    until(lambda: "the app begins" in synapse("logs", facts["name"]).stdout)
    assert synapse("stop", str(facts["record"])).exit_code == 0
    assert json.loads(synapse("list", "--status", "stopped", "--json").stdout)[0]["id"] == facts["id"]
    assert "start" in synapse("open", facts["id"]).stderr
    assert synapse("restart", facts["id"]).exit_code == 0
    assert synapse("rm", facts["id"]).exit_code == 0
    assert json.loads(synapse("list", "--json").stdout) == []


def test_a_folder_is_packed_and_a_failed_build_shows_what_the_step_printed(synapse, tmp_path, code):
    folder = tmp_path / "plugin"
    (folder / "plugin").mkdir(parents=True)
    (folder / "config.yaml").write_text(f"code: {code}\nname: x\n")
    (folder / "plugin" / "gradio_interface.py").write_text(apps.ECHO)
    (folder / "requirements.txt").write_text("no-such-package\n")

    failed = synapse("create", "--file", str(folder))

    assert failed.exit_code == 1
    assert "no-such-package was not found" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("create",), "name a release"),
        (("create", "x@1", "--params", "no"), "not JSON"),
        (("create", "x@1", "--env", "A"), "NAME=value"),
        (("create", "nobody@1"), "publish it"),
        (("stop", "nothing"), "no container"),
        (("stop", "nobody@1"), "no container"),
    ],
)
def test_what_cannot_be_done_says_why(synapse, arguments, expected):
    refused = synapse(*arguments)

    assert refused.exit_code in {1, 2}
    assert expected in " ".join(refused.stderr.replace("│", " ").split())


def test_an_engine_that_is_away_is_told_with_what_to_do(synapse, process_host, tmp_path, code):
    process_host.engine.is_away = True
    refused = synapse("create", "--file", str(write_release(tmp_path, code=code, app=apps.ECHO)))
    assert refused.exit_code == 1
    assert "No container engine answers" in refused.stderr
    assert json.loads(synapse("list", "--json").stdout) == []


def test_no_agent_is_told(synapse, monkeypatch):
    monkeypatch.setattr(reaching, "HOMES", ())
    assert "No agent is known here" in synapse("list").stderr
