"""`synapse component`: what a person types, against a real server."""

import itertools

import pytest

NUMBERS = itertools.count(1)


@pytest.fixture
def tree(tmp_path):
    """A working tree with a component of a name of its own: the server is shared by all tests."""
    number = next(NUMBERS)
    folder = tmp_path / "tree" / "cvlabkit" / "component" / "model"
    folder.mkdir(parents=True)
    file = folder / f"net_{number}.py"
    file.write_bytes(f"# {number}\r\nwidth = 1\r\n".encode())
    return file


@pytest.fixture
def base(tree):
    return tree.parents[3]


def path_of(tree) -> str:
    return f"model/{tree.name}"


def push(synapse, base, *arguments):
    return synapse.json("component", "push", "--base", base, *arguments)


def test_a_push_adds_and_activates_and_again_changes_nothing(synapse, tree, base):
    pushed = push(synapse, base, "--reason", "first")
    assert (pushed["pushed"], pushed["unchanged"], pushed["older"]) == ([path_of(tree)], 0, [])
    assert push(synapse, base) == {"pushed": [], "would_push": [], "older": [], "unchanged": 1, "change_set": None}

    (version,) = synapse.json("component", "list", path_of(tree))
    assert version["is_active"]
    listed = {each["path"]: each["active_hash"] for each in synapse.json("component", "list", "model")}
    assert listed[path_of(tree)] == version["hash"]
    (record,) = synapse.json("component", "log", path_of(tree))
    assert (record["id"], record["reason"], record["user"]) == (pushed["change_set"], "first", "admin@localhost")


def test_a_push_never_takes_back_what_came_later(synapse, tree, base):
    old = tree.read_bytes()
    push(synapse, base)
    tree.write_bytes(b"width = 2\n")
    push(synapse, base)
    active = synapse.json("component", "list", path_of(tree))[0]["hash"]

    tree.write_bytes(old)
    again = push(synapse, base)

    assert (again["pushed"], again["older"]) == ([], [path_of(tree)])
    assert [each["hash"] for each in synapse.json("component", "list", path_of(tree)) if each["is_active"]] == [active]


def test_a_dry_run_and_a_push_without_activating(synapse, tree, base):
    assert push(synapse, base, "--dry-run")["would_push"] == [path_of(tree)]
    assert synapse("component", "list", path_of(tree)).exit_code == 1
    push(synapse, base, "--no-activate", path_of(tree))
    assert [each["is_active"] for each in synapse.json("component", "list", path_of(tree))] == [False]


def test_what_cannot_be_pushed_is_named_and_the_rest_is(synapse, tree, base):
    (tree.parent / "latin.py").write_bytes(b"\xff")
    result = synapse("component", "push", "--base", base)
    assert result.exit_code == 0
    assert "model/latin.py: byte 1 is not UTF-8" in result.output
    assert synapse("component", "push", "--base", base, "model/latin.py").exit_code == 2
    assert synapse("component", "push", "--base", base, "model/absent.py").exit_code == 2
    assert synapse("component", "push", "--base", base.parent / "nowhere").exit_code == 2


@pytest.fixture
def versions(synapse, tree, base):
    """Hashes of three versions of the component, the oldest first."""
    for width in (1, 2, 3):
        tree.write_bytes(f"# {path_of(tree)}\nwidth = {width}\n".encode())
        push(synapse, base)
    return [each["hash"] for each in reversed(synapse.json("component", "list", path_of(tree)))]


def active_of(synapse, tree) -> str:
    return next(each["hash"] for each in synapse.json("component", "list", path_of(tree)) if each["is_active"])


def test_activating_by_hash_by_path_and_by_alias(synapse, tree, versions):
    synapse.json("component", "activate", versions[0], "-m", "the old one was better")
    assert active_of(synapse, tree) == versions[0]
    record = synapse.json("component", "activate", f"{path_of(tree)}@{versions[1]}", "--alias", "stable")
    assert record["changes"] == [{"path": path_of(tree), "alias": "stable", "from_hash": None, "to_hash": versions[1]}]
    assert active_of(synapse, tree) == versions[0]
    synapse.json("component", "activate", f"{path_of(tree)}@stable")
    assert active_of(synapse, tree) == versions[1]
    assert synapse.json("component", "activate", f"{path_of(tree)}@stable")["id"] is None


def test_rolling_back_a_component_and_a_set(synapse, tree, versions):
    synapse.json("component", "rollback", path_of(tree))
    assert active_of(synapse, tree) == versions[1]
    record = synapse.json("component", "activate", versions[2])
    synapse.json("component", "rollback", "--set", record["id"], "-m", "no")
    assert active_of(synapse, tree) == versions[1]
    assert synapse("component", "rollback").exit_code == 2
    assert synapse("component", "rollback", path_of(tree), "--set", "1").exit_code == 2


def test_comparing_versions_and_the_file_here(synapse, tree, base, versions):
    compared = synapse.json("component", "diff", f"{path_of(tree)}@{versions[0]}", versions[2])
    assert "-width = 1\n+width = 3\n" in compared["diff"]
    tree.write_bytes(b"width = 9\n")
    shown = synapse("component", "diff", str(tree), "--base", base)
    assert shown.exit_code == 0
    assert "+width = 9" in shown.stdout.splitlines()
    assert synapse("component", "diff", versions[0]).exit_code == 2


def test_the_log_is_a_table_for_people(synapse, tree, versions):
    shown = synapse("component", "log", path_of(tree))
    assert shown.exit_code == 0
    assert shown.stdout.count(path_of(tree)) == 3
    assert versions[2] in shown.stdout
    assert path_of(tree) in synapse("component", "list").stdout


def test_a_scan_registers_the_servers_own_folder(synapse, platform, monkeypatch, tree, base):
    monkeypatch.setattr(platform.settings, "component_root", base)
    assert synapse.json("component", "scan")["registered"] == 1
    assert synapse.json("component", "scan")["registered"] == 0
    monkeypatch.setattr(platform.settings, "component_root", base / "nowhere")
    assert synapse("component", "scan").exit_code == 1


@pytest.mark.parametrize(
    "arguments",
    [("list", "nothing"), ("log", "../x.py"), ("diff", "model/x"), ("activate", "x@y"), ("rollback", "/etc/passwd")],
)
def test_what_is_no_component_is_a_wrong_command_line(synapse, arguments):
    result = synapse("component", *arguments)
    assert result.exit_code == 2
    assert "category/name.py" in result.output


def test_a_push_from_another_folder_says_where_it_looked(synapse, tmp_path):
    result = synapse("component", "push", "--base", tmp_path / "elsewhere")
    assert result.exit_code == 2
    assert "There is no folder cvlabkit in" in result.output
    assert "--base" in result.output


def test_without_a_token_nothing_is_sent(stranger):
    result = stranger("component", "list")
    assert result.exit_code == 1
    assert "token" in result.output
