"""`synapse component sync | status | restore | verify`: what a person types in a working tree, against a real server."""

import itertools
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx2
import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ComponentError
from web_helper.middleend.component_manager import ComponentManager

NUMBERS = itertools.count(1)
SOURCES = ("width = 1\n", "width = 2\n")


class Tree:
    """A working tree with components of names of its own: the server is shared by all tests."""

    def __init__(self, root, platform) -> None:
        number = next(NUMBERS)
        self.root, self.platform = root, platform
        self.net, self.loss = f"model/synced_{number}.py", f"loss/synced_{number}.py"
        self.config = root / "config.yaml"
        self.config.write_text(f"model: synced_{number}\nloss: synced_{number}\n")
        self.client = ComponentClient(platform.url, platform.token)
        (root / "cvlabkit").mkdir()

    def upload(self, path: str, text: str) -> str:
        return self.client.upload(path, f"# {path}\n{text}")["hash"]

    def file(self, path: str):
        return self.root / parse_component_path(path).file

    def text(self, path: str) -> str:
        return self.file(path).read_text().partition("\n")[2]

    def edit(self, path: str, text: str) -> None:
        self.file(path).write_text(f"# {path}\n{text}")


@pytest.fixture
def tree(tmp_path, platform):
    root = tmp_path / "tree"
    root.mkdir()
    made = Tree(root, platform)
    for path in (made.net, made.loss):
        made.upload(path, SOURCES[0])
    yield made
    made.client.close()


@pytest.fixture
def run(synapse, tree):
    """Runs a sub-command in the tree; what it printed as JSON."""

    def run(command: str, *arguments: object, exit_code: int = 0):
        return synapse.json("component", command, *arguments, "--base", tree.root, exit_code=exit_code)

    return run


def test_a_config_is_synchronised_and_again_there_is_nothing_to_do(run, tree):
    assert run("status", tree.config) == {
        "differences": {tree.net: "server_only", tree.loss: "server_only"}, "same": 0,
    }  # fmt: skip
    synced = run("sync", tree.config)
    assert sorted(synced["synced"]) == sorted([tree.net, tree.loss])
    assert tree.text(tree.net) == SOURCES[0]
    again = run("sync", tree.config)
    assert (again["synced"], sorted(again["skipped"])) == ([], sorted([tree.net, tree.loss]))
    assert again["component_hashes"] == synced["component_hashes"]
    assert run("status", tree.config) == {"differences": {}, "same": 2}


def test_an_edit_waits_for_a_decision_and_each_strategy_is_one(run, synapse, tree):
    run("sync", tree.config)
    tree.edit(tree.net, "mine = 1\n")

    waiting = run("sync", tree.config, exit_code=1)
    assert [(each["path"], each["conflict_type"]) for each in waiting["conflicts"]] == [(tree.net, "local_newer")]
    shown = synapse("component", "sync", tree.config, "--base", tree.root)
    assert shown.exit_code == 1
    assert f"{tree.net}: local_newer" in shown.output

    assert run("sync", tree.config, "--strategy", "dry_run")["planned"] == {tree.net: "local_newer"}
    forced = run("sync", tree.config, "--force")
    assert forced["synced"] == [tree.net]
    assert tree.text(tree.net) == SOURCES[0]
    tree.edit(tree.net, "mine = 2\n")
    assert run("sync", tree.config, "--strategy", "local_priority")["uploaded"] == [tree.net]
    assert tree.client.list_versions("model", tree.net[6:-3])[0]["is_active"]
    result = synapse("component", "sync", tree.config, "--force", "--strategy", "interactive", "--base", tree.root)
    assert result.exit_code == 2


def test_everything_is_synchronised_without_a_config(run, tree):
    synced = run("sync", "--strategy", "server_authoritative")
    assert {tree.net, tree.loss} <= set(synced["synced"])
    assert run("verify") == {"differences": {}}
    tree.edit(tree.net, "width = 9\n")
    tree.file(tree.loss).unlink()
    mine = f"metric/{tree.loss[5:]}"
    tree.file(mine).parent.mkdir(exist_ok=True)
    tree.edit(mine, "m = 1\n")
    expected = {tree.net: "differs", tree.loss: "missing", mine: "unknown"}
    assert run("verify", exit_code=1) == {"differences": expected}


def test_a_folder_that_is_named_like_a_component_is_none(run, tree):
    run("sync", tree.config)
    tree.file("loss/folder.py").mkdir()
    assert "loss/folder.py" not in run("status")["differences"]
    assert "loss/folder.py" not in run("sync")["failed"]
    assert "loss/folder.py" not in run("verify")["differences"]


def test_a_link_out_of_the_tree_is_never_uploaded(synapse, run, tree, tmp_path):
    private = tmp_path / "private.txt"
    private.write_text("secret = 1\n")
    run("sync", tree.config)
    leak = tree.file("loss/leaking.py")
    leak.symlink_to(private)
    tree.file(tree.net).unlink()
    tree.file(tree.net).symlink_to(private)

    result = run("sync", "--strategy", "local_priority", exit_code=1)

    assert set(result["failed"]) == {"loss/leaking.py", tree.net}
    assert "a link to a file outside the working tree" in result["errors"]["loss/leaking.py"]
    assert synapse("component", "list", "loss/leaking.py").exit_code == 1
    assert len(synapse.json("component", "list", tree.net)) == 1


def test_an_experiments_versions_are_restored_and_verified(run, synapse, tree):
    uid = f"exp-{next(NUMBERS)}"
    first = {path: tree.client.list_versions(*path[:-3].split("/"))[0]["hash"] for path in (tree.net, tree.loss)}
    tree.client.save_manifest(uid, first)
    tree.upload(tree.net, SOURCES[1])
    run("sync", tree.config)
    assert run("verify", uid, exit_code=1) == {"differences": {tree.net: "differs"}}

    assert sorted(run("restore", uid)["synced"]) == sorted(first)

    assert tree.text(tree.net) == SOURCES[0]
    assert run("verify", uid) == {"differences": {}}
    tree.edit(tree.net, "width = 8\n")
    shown = synapse("component", "restore", uid, "--base", tree.root)
    assert f"{tree.net}: your edit lies in" in " ".join(shown.output.split())
    missing = synapse("component", "restore", "no-such-experiment", "--base", tree.root)
    assert missing.exit_code == 1
    assert "no-such-experiment" in missing.output


def test_what_is_nowhere_is_an_error_with_file_and_line(synapse, tree):
    tree.config.write_text("project: p\nmodel: absent_from_everywhere\n")
    result = synapse("component", "sync", tree.config, "--base", tree.root)
    assert result.exit_code == 1
    assert f"{tree.config}:2: model" in result.output.replace("\n", "")


def test_a_wrong_command_line_is_told(synapse, tree):
    assert synapse("component", "sync", tree.root / "no.yaml", "--base", tree.root).exit_code == 2
    elsewhere = synapse("component", "sync", "--base", tree.root / "nowhere")
    assert elsewhere.exit_code == 2
    assert "--base" in elsewhere.output
    assert synapse("component", "sync", tree.config, "--strategy", "mine", "--base", tree.root).exit_code == 2


def test_without_a_key_nothing_is_asked(stranger, tree):
    result = stranger("component", "sync", tree.config, "--base", tree.root, "--host", tree.platform.url)
    assert result.exit_code == 1
    assert "token" in result.output
    assert not tree.file(tree.net).exists()


def test_a_wrong_key_and_a_revoked_one_get_nothing(synapse, tree):
    made = synapse.json("token", "create", f"sync-{next(NUMBERS)}")
    revoked = made["key"]
    synapse("component", "sync", tree.config, "--base", tree.root, "--token", revoked)
    assert tree.text(tree.net) == SOURCES[0]
    tree.upload(tree.net, SOURCES[1])
    assert synapse("token", "revoke", made["id"]).exit_code == 0
    for key in ("syn_wrong", revoked):
        result = synapse("component", "sync", tree.config, "--base", tree.root, "--token", key)
        assert result.exit_code == 1
        assert "token" in result.output
        assert key not in result.output
        assert tree.text(tree.net) == SOURCES[0]


class Tampering(httpx2.BaseTransport):
    """The server's answers, changed on their way."""

    def __init__(self, old: bytes, new: bytes) -> None:
        self.inner, self.old, self.new = httpx2.HTTPTransport(), old, new

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        # As text, which may become longer on its way.
        request.headers |= {"Accept-Encoding": "identity", "Accept": "application/json"}
        answer = self.inner.handle_request(request)
        content = answer.read().replace(self.old, self.new)
        answer.close()
        return httpx2.Response(answer.status_code, content=content, headers={"Content-Type": "application/json"})


@contextmanager
def manager_behind(tree, old: str, new: str) -> Iterator[ComponentManager]:
    transport = Tampering(old.encode(), new.encode())
    manager = ComponentManager(tree.platform.url, tree.root, tree.platform.token, transport=transport)
    yield manager
    manager.close()
    transport.inner.close()


@pytest.mark.parametrize(("typed", "kept"), [("x\nd\n", SOURCES[0]), ("u\n", SOURCES[1]), ("\n", SOURCES[1])])
def test_at_a_terminal_a_person_is_asked_until_the_answer_is_one(run, tree, platform, typed, kept):
    run("sync", tree.config)
    tree.edit(tree.net, SOURCES[1])
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    environment = {**os.environ, "SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token}

    with subprocess.Popen(
        [sys.executable, "-m", "synapse_sdk", "component", "sync", str(tree.config), "--base", str(tree.root)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        said = read_to_the_end(ours)
    os.close(ours)

    assert said.count(f"{tree.net} (local_newer)") == 1 + ("x" in typed)
    assert (process.returncode, tree.text(tree.net)) == (0, kept)


def read_to_the_end(terminal: int) -> str:
    said = b""
    # Linux ends a terminal that nobody holds any more with EIO.
    with suppress(OSError):
        while some := os.read(terminal, 4096):
            said += some
    return said.decode()


def test_a_tampered_download_is_refused(tree):
    with manager_behind(tree, "width = 1", "width = 6") as manager:
        result = manager.sync_with_strategy(tree.config)
    assert sorted(result.failed) == sorted([tree.net, tree.loss])
    assert "not what was announced" in result.errors[tree.net]
    assert not tree.file(tree.net).exists()


@pytest.mark.parametrize("evil", ["../../evil.py", "/etc/evil.py", "model/../../../evil.py"])
def test_a_manifest_that_leaves_the_tree_is_refused(tree, evil):
    uid = f"exp-{next(NUMBERS)}"
    tree.client.save_manifest(uid, {tree.net: tree.client.list_versions("model", tree.net[6:-3])[0]["hash"]})
    before = sorted(tree.root.parent.rglob("*"))
    with manager_behind(tree, tree.net, evil) as manager, pytest.raises(ComponentError, match="is no component"):
        manager.restore_from_manifest(uid)
    after = sorted(path for path in tree.root.parent.rglob("*") if ".synapse" not in path.parts)
    assert after == before
