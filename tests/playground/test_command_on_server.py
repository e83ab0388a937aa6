"""`synapse playground` of a person who has no agent: by the server that they are logged in to, in the same words."""

import json

import pytest
from typer.testing import CliRunner

from synapse_sdk.cli import main
from synapse_sdk.cli.playground import command, reaching
from tests.agent.stage import until
from tests.playground import apps
from tests.playground.scene import write_release
from tests.playground.server import running_platform

# One range of ports is for all of them.
pytestmark = [pytest.mark.xdist_group("playground")]


@pytest.fixture
def synapse(process_host, monkeypatch, tmp_path):
    monkeypatch.setattr(reaching, "HOMES", ())
    monkeypatch.setattr(command.webbrowser, "open", lambda _url: True)
    with running_platform(tmp_path / "server") as platform:
        platform.add_agent(process_host)
        monkeypatch.setenv("SYNAPSE_HOST", platform.url)
        monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", platform.token)
        yield lambda *arguments: CliRunner().invoke(main.build_app([]), ["playground", *arguments])


def test_an_app_is_tried_watched_stopped_and_removed(synapse, tmp_path, code):
    archive = write_release(tmp_path, code=code, app=apps.ECHO)

    made = synapse("create", "--file", str(archive), "--params", '{"a": 1}', "--label", "x", "--json")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout)
    assert (facts["status"], facts["params"], facts["id"]) == (
        "running",
        {"a": 1},
        f"{facts['agent']}-{facts['record']}",
    )
    # What the build printed.
    assert "FROM process-base" in made.stderr
    again = json.loads(synapse("create", f"{code}@1.0.0", "--json").stdout)
    assert (again["id"], again["restarted"]) == (facts["id"], True)
    shown = synapse("list").stdout
    assert facts["id"] in shown
    assert synapse("open", f"{code}@1.0.0").stdout.strip() == facts["url"]
    assert facts["url"].endswith(f"/playground/{facts['id']}/")
    until(lambda: "the app begins" in synapse("logs", facts["id"]).stdout)
    assert synapse("stop", facts["id"]).exit_code == 0
    assert json.loads(synapse("list", "--status", "stopped", "--json").stdout)[0]["id"] == facts["id"]
    assert "start" in synapse("open", facts["id"]).stderr
    assert synapse("restart", facts["id"]).exit_code == 0
    assert synapse("rm", facts["id"]).exit_code == 0
    assert json.loads(synapse("list", "--json").stdout) == []


def test_what_cannot_be_done_says_why(synapse, monkeypatch):
    for arguments, expected in {
        ("stop", "1-99"): "no container",
        ("stop", "nobody@1"): "no container",
        ("create", "nobody@1"): "publish it",
    }.items():
        refused = synapse(*arguments)
        assert refused.exit_code == 1
        assert expected in " ".join(refused.stderr.replace("│", " ").split())
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "syn_wrong")
    assert synapse("list").exit_code == 1
