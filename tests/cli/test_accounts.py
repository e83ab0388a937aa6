from __future__ import annotations

import hashlib
import json
import stat
from uuid import uuid4

import pytest

from web_helper.backend.core.database import Database
from web_helper.backend.models import User
from web_helper.backend.services.authentication import add_token


def test_login_keeps_a_working_token_that_only_its_owner_can_read(stranger, platform, config_file):
    result = stranger("login", "--host", platform.url, "--token", platform.token)
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(config_file.stat().st_mode) == 0o600
    assert json.loads(config_file.read_text()) == {"host": platform.url, "access_token": platform.token}
    assert platform.token not in result.output
    assert stranger("project", "list").exit_code == 0


def test_login_reads_a_token_that_is_not_on_the_command_line(stranger, platform, config_file):
    assert stranger("login", "--host", platform.url, "--token", "-", input=f"{platform.token}\n").exit_code == 0
    assert platform.token in config_file.read_text()
    assert stranger("login", "--host", platform.url, "--token", "-", input="").exit_code == 2


def test_login_refuses_a_token_that_the_server_does_not_know(stranger, platform, config_file):
    result = stranger("login", "--host", platform.url, "--token", "syn_wrong")
    assert result.exit_code == 1
    assert not config_file.exists()
    assert "syn_wrong" not in result.output


def test_login_says_when_the_environment_wins_over_it(synapse, platform):
    result = synapse("login", "--host", platform.url, "--token", platform.token)
    assert "SYNAPSE_ACCESS_TOKEN is set" in result.stderr


def test_doctor_is_content_with_a_running_server(synapse, platform):
    findings = synapse.json("doctor")
    by_check = {finding["check"]: finding for finding in findings}
    assert by_check["server"]["verdict"] == "ok"
    assert "admin@localhost" in by_check["token"]["message"]
    assert by_check["storage"]["verdict"] == "ok"


def test_doctor_names_a_refused_token_as_an_error(stranger, platform):
    result = stranger("doctor", "--host", platform.url, "--token", "syn_wrong")
    assert result.exit_code == 1
    assert "FAIL " in result.stdout
    assert "synapse login" in result.stdout


def test_doctor_names_a_missing_token_as_an_error(stranger, platform):
    result = stranger("doctor", "--host", platform.url)
    assert result.exit_code == 1
    assert "no access token" in result.stdout


def test_a_created_token_works_until_it_is_revoked(synapse, platform):
    made = synapse.json("token", "create", "ci", "--scope", "read", "--days", "3")
    assert made["scopes"] == ["read"]
    assert made["expires_at"]
    assert synapse("project", "list", "--token", made["key"]).exit_code == 0
    assert synapse("token", "revoke", made["id"]).exit_code == 0
    result = synapse("project", "list", "--token", made["key"])
    assert result.exit_code == 1
    assert "synapse login" in result.stderr


def test_token_lists_never_show_keys(synapse):
    made = synapse.json("token", "create", "shown once")
    listed = synapse("token", "list")
    assert "shown once" in listed.stdout
    assert made["key"] not in listed.stdout


def test_a_read_token_cannot_create_a_project(synapse):
    reader = synapse.json("token", "create", "reader", "--scope", "read")["key"]
    result = synapse("project", "create", "forbidden", "--token", reader)
    assert result.exit_code == 1
    assert "scope" in result.stderr


def test_projects_are_created_found_by_name_or_id_and_deleted(synapse):
    made = synapse.json("project", "create", "night birds", "--classes", "owl, bat")
    shown = synapse.json("project", "show", "night birds")
    assert shown["id"] == made["id"]
    assert (shown["task_count"], shown["completed_count"]) == (0, 0)
    assert "owl, bat" in synapse("project", "show", made["id"]).stdout
    assert "night birds" in synapse("project", "list", "--search", "night").stdout
    assert synapse("project", "delete", "night birds").exit_code == 2
    assert synapse("project", "delete", "night birds", "--yes").exit_code == 0
    missing = synapse("project", "show", "night birds")
    assert missing.exit_code == 1
    assert "synapse project list" in missing.stderr


def test_a_project_name_is_taken_once(synapse):
    synapse.json("project", "create", "only one")
    result = synapse("project", "create", "only one")
    assert result.exit_code == 1
    assert "already" in result.stderr


@pytest.mark.parametrize("name", ["[red]markup[/nope]", "너구리 <b>", "a\x1b[31mred"])
def test_hostile_project_names_are_shown_as_text(synapse, name):
    made = synapse.json("project", "create", name)
    shown = synapse("project", "show", made["id"])
    assert shown.exit_code == 0, shown.output
    assert "\x1b" not in shown.stdout
    assert name.replace("\x1b", "\\x1b") in shown.stdout


def test_storages_are_created_listed_and_shown(synapse, tmp_path):
    made = synapse.json("storage", "create", "disk", "--provider", "local", "--set", f"location={tmp_path}")
    assert "disk" in synapse("storage", "list").stdout
    shown = synapse("storage", "show", made["id"])
    assert "configuration.location" in shown.stdout


def test_a_secret_of_a_storage_need_not_be_on_the_command_line(synapse, tmp_path, monkeypatch):
    monkeypatch.setenv("SHELF", str(tmp_path / "shelf"))
    create = ("storage", "create", "shelf", "--provider", "local", "--set-from-env")
    assert synapse(*create, "location=SHELF").exit_code == 0
    assert (tmp_path / "shelf").is_dir()

    for wrong, said in (("location=hunter2", "no such environment variable"), ("location", "is not KEY=VARIABLE")):
        refused = synapse(*create, wrong)
        assert refused.exit_code == 2
        assert said in refused.stderr
        assert "hunter2" not in refused.output


def test_a_storage_setting_without_value_is_a_wrong_command_line(synapse):
    assert synapse("storage", "create", "x", "--provider", "local", "--set", "location").exit_code == 2


def test_a_model_is_added_with_its_weights_and_listed(synapse, tmp_path):
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"w" * 100)
    made = synapse.json("model", "create", "net", "--weights", weights, "--version", "2")
    assert made["sha256"] == hashlib.sha256(b"w" * 100).hexdigest()
    assert synapse("model", "create", "otsu").exit_code == 0
    rows = {row["name"]: row for row in synapse.json("model", "list")}
    assert (rows["net"]["id"], rows["net"]["version"]) == (made["id"], "2")
    assert rows["otsu"]["sha256"] is None
    assert "otsu" in synapse("model", "list").stdout


@pytest.fixture
def newcomer(synapse, platform, monkeypatch):
    """The shell of somebody who is in no project."""
    database = Database(platform.settings.sqlalchemy_url)
    with database.write() as session:
        user = User(email=f"{uuid4()}@example.org", name="Newcomer")
        session.add(user)
        session.flush()
        key = add_token(session, user.id, "theirs", ["read", "write"])[1]
    database.dispose()
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", key)
    return synapse


def test_an_empty_list_says_so_and_what_to_do(newcomer):
    for what, step in {
        "project": "`synapse project create`",
        "job": "`synapse export`",
        "pre-annotation": "`synapse plugin run`",
    }.items():
        listed = newcomer(what, "list")
        assert (listed.exit_code, listed.stdout) == (0, "")
        assert step in listed.stderr
        assert newcomer.json(what, "list") == []


def test_a_search_that_finds_nothing_says_so(synapse):
    assert "contains 'no such bird'" in synapse("project", "list", "--search", "no such bird").stderr


@pytest.mark.parametrize(("status", "is_refused"), [("cancelled", False), ("STOPPED", False), ("lost", True)])
def test_jobs_are_listed_by_a_status_of_either_kind(newcomer, status, is_refused):
    listed = newcomer("job", "list", "--status", status)
    assert listed.exit_code == int(is_refused)
    assert ("is not one of" if is_refused else "No job is like that") in listed.stderr
