"""`synapse component`: what a person types, against a real server."""

import itertools

import pytest

from synapse_sdk.components.digests import sha256_of, short_hash
from web_helper.middleend.local_tree import STATE_FOLDER, LocalTree
from web_helper.middleend.set_swap import Replacement, SetSwap

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


@pytest.fixture
def colleague(synapse, tree, base, tmp_path):
    """Another tree, in which somebody changes and pushes the same component."""
    push(synapse, base)
    other = tmp_path / "colleague"
    (other / "cvlabkit").mkdir(parents=True)
    synapse.json("component", "sync", "--base", other)
    theirs = other / tree.relative_to(base)
    theirs.write_bytes(tree.read_bytes() + b"# theirs\n")
    assert push(synapse, other, path_of(tree))["pushed"] == [path_of(tree)]
    return theirs


@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_a_push_does_not_take_back_what_somebody_else_changed_meanwhile(synapse, tree, base, colleague, arguments):
    active = active_of(synapse, tree)
    tree.write_bytes(tree.read_bytes() + b"# mine\n")

    refused = synapse("component", "push", "--base", base, *arguments)

    assert refused.exit_code == 1
    assert f"{path_of(tree)}: on the server another version is active" in " ".join(refused.output.split())
    assert active_of(synapse, tree) == active
    assert push(synapse, base, "--force")["pushed"] == [path_of(tree)]
    assert active_of(synapse, tree) != active


def test_what_was_in_common_with_another_server_keeps_nothing_from_being_pushed(synapse, tree, base, colleague):
    mine = tree.read_bytes() + b"# mine\n"
    tree.write_bytes(mine)
    # As a push to a server that is no more would have left it.
    LocalTree(base).note_bases({path_of(tree): sha256_of(mine)})
    assert push(synapse, base)["pushed"] == [path_of(tree)]


def test_who_pushes_again_and_again_is_asked_nothing(synapse, tree, base, colleague):
    for edit in (b"# a\n", b"# b\n"):
        colleague.write_bytes(colleague.read_bytes() + edit)
        assert push(synapse, colleague.parents[3], path_of(tree))["pushed"] == [path_of(tree)]
    # An edit after a push is an edit of what was pushed.
    colleague.write_bytes(colleague.read_bytes() + b"# c\n")
    status = synapse.json("component", "status", "--base", colleague.parents[3])
    assert status["differences"][path_of(tree)] == "local_newer"


def test_a_push_finishes_first_what_a_killed_synchronisation_left(synapse, tree, base):
    new = f"# {path_of(tree)}\nwidth = 7\n".encode()
    announced = Replacement(path_of(tree), sha256_of(new), sha256_of(tree.read_bytes()))
    SetSwap(base, base / STATE_FOLDER).announce([announced], {sha256_of(new): new})
    push(synapse, base)
    (version,) = synapse.json("component", "list", path_of(tree))
    assert (version["hash"], tree.read_bytes()) == (short_hash(new), new)


def test_a_tree_that_cannot_be_written_is_pushed_all_the_same(synapse, tree, base):
    (base / ".synapse").symlink_to("nowhere")
    result = synapse("component", "push", "--base", base)
    assert (result.exit_code, "1 pushed as change set" in result.output) == (0, True)
    assert "could not be noted" in result.output


def test_a_dry_run_and_a_push_without_activating(synapse, tree, base):
    assert push(synapse, base, "--dry-run")["would_push"] == [path_of(tree)]
    assert synapse("component", "list", path_of(tree)).exit_code == 1
    push(synapse, base, "--no-activate", path_of(tree))
    assert [each["is_active"] for each in synapse.json("component", "list", path_of(tree))] == [False]


def test_what_waits_under_a_name_is_activated_by_the_number_of_its_set(synapse, tree, base):
    push(synapse, base)
    before = active_of(synapse, tree)
    tree.write_bytes(f"# {path_of(tree)}\nwidth = 9\n".encode())
    staged = push(synapse, base, "--alias", "next", path_of(tree))
    assert (staged["pushed"], active_of(synapse, tree)) == ([path_of(tree)], before)
    twice = push(synapse, base, "--alias", "next", path_of(tree))
    assert (twice["unchanged"], twice["older"], twice["change_set"]) == (1, [], None)

    done = synapse.json("component", "activate", "--set", staged["change_set"], "-m", "reviewed")

    assert done["moved"] == 1
    (newest, *_) = synapse.json("component", "log", path_of(tree))
    assert (newest["id"], newest["reason"], newest["changes"][0]["from_hash"]) == (done["id"], "reviewed", before)
    again = synapse("component", "activate", "--set", staged["change_set"])
    assert (again.exit_code, "Nothing to change." in again.output) == (0, True)
    synapse.json("component", "rollback", "--set", done["id"])
    assert active_of(synapse, tree) == before
    shown = synapse("component", "activate", "--set", staged["change_set"], "--expected", done["id"] + 1)
    assert "1 moved by change set" in shown.output
    late = synapse("component", "activate", "--set", newest["id"] - 2, "--alias", "next", "--expected", 0)
    assert late.exit_code == 1
    assert "was moved after change set 0" in late.output.replace("\n", " ")


@pytest.mark.parametrize("how", [("--alias", "next"), ("--no-activate",)])
def test_an_edit_of_what_was_pushed_first_and_activated_later_is_pushed_without_a_question(synapse, tree, base, how):
    push(synapse, base)
    tree.write_bytes(tree.read_bytes() + b"# waits\n")
    push(synapse, base, *how, path_of(tree))
    waiting = f"{path_of(tree)}@{short_hash(tree.read_bytes())}"
    synapse.json("component", "activate", waiting, "-m", "reviewed")
    tree.write_bytes(tree.read_bytes() + b"# and one more\n")
    assert differences(synapse, base)[path_of(tree)] == "local_newer"
    assert push(synapse, base)["pushed"] == [path_of(tree)]


def differences(synapse, base):
    return synapse.json("component", "status", "--base", base)["differences"]


def test_who_went_back_after_a_push_is_given_what_was_activated_later(synapse, tree, base):
    push(synapse, base)
    before = tree.read_bytes()
    tree.write_bytes(before + b"# waits\n")
    push(synapse, base, "--alias", "next")
    waiting = tree.read_bytes()
    tree.write_bytes(before)
    synapse.json("component", "activate", f"{path_of(tree)}@{short_hash(waiting)}", "-m", "reviewed")
    assert differences(synapse, base)[path_of(tree)] == "server_newer"
    synapse.json("component", "sync", "--base", base)
    assert tree.read_bytes() == waiting


def test_a_push_says_the_number_of_its_set(synapse, tree, base):
    assert "1 pushed as change set " in synapse("component", "push", "--base", base).output
    assert "0 pushed, 1 unchanged" in synapse("component", "push", "--base", base).output


@pytest.mark.parametrize(
    "arguments",
    [
        ("activate",),
        ("activate", "model/x.py@stable", "--set", 1),
        ("activate", "model/x.py@stable", "--expected", 1),
        ("push", "--alias", "next", "--no-activate"),
    ],
)
def test_what_does_not_go_together_is_a_wrong_command_line(synapse, arguments):
    assert synapse("component", *arguments).exit_code == 2


def test_what_cannot_be_pushed_is_named_and_the_rest_is(synapse, tree, base):
    (tree.parent / "latin.py").write_bytes(b"\xff")
    result = synapse("component", "push", "--base", base)
    assert result.exit_code == 0
    assert "model/latin.py: byte 1 is not UTF-8" in result.output
    assert synapse("component", "push", "--base", base, "model/latin.py").exit_code == 2
    assert synapse("component", "push", "--base", base, "model/absent.py").exit_code == 2
    assert synapse("component", "push", "--base", base.parent / "nowhere").exit_code == 2
    below = synapse("component", "push", "--base", tree.parent)
    assert (below.exit_code, f"--base {base}" in " ".join(below.output.split())) == (2, True)


def test_a_link_out_of_the_tree_is_not_followed_and_one_inside_is(synapse, tree, base, tmp_path):
    private = tmp_path / "private.txt"
    private.write_text("secret = 1\n")
    (tree.parent / "alias.py").symlink_to(tree.name)
    (tree.parent / "leak.py").symlink_to(private)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "private_loss.py").write_text("secret = 2\n")
    (tree.parents[1] / "loss").symlink_to(tmp_path / "elsewhere")
    result = synapse("component", "push", "--base", base)
    assert "model/leak.py: a link to a file outside" in " ".join(result.output.split())
    assert "loss/private_loss.py: a link to a file outside" in " ".join(result.output.split())
    known = {each["path"] for each in synapse.json("component", "list")}
    assert {"model/alias.py", path_of(tree)} <= known
    assert not {"model/leak.py", "loss/private_loss.py"} & known
    assert synapse("component", "push", "--base", base, "model/leak.py").exit_code == 2


def test_a_kit_folder_that_is_a_link_is_pushed_as_it_is(synapse, tree, base, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "cvlabkit").symlink_to(base / "cvlabkit")
    assert push(synapse, linked)["pushed"] == [path_of(tree)]


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


def test_a_push_says_what_cannot_run_and_what_lies_in_no_category(synapse, tree, base):
    tree.write_bytes(b"\xef\xbb\xbfwidth = 1\nclass Net(:\n")
    strange = tree.parents[1] / "modell"
    strange.mkdir()
    (strange / "net.py").write_text("width = 1\n")

    for arguments in (("--dry-run",), ()):
        result = synapse("component", "push", "--base", base, *arguments)
        said = " ".join(result.output.split())
        assert result.exit_code == 0
        assert f"{path_of(tree)}:2: invalid syntax. No experiment can run with it." in said
        assert "not pushed: component/modell/: this is no category. Did you mean model?" in said
