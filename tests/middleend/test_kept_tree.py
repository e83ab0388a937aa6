"""Conflicts of a kept tree reach the server, wait there for an answer, and the worker carries it out."""

import pytest

from synapse_sdk.components.names import parse_component_path
from tests.middleend.kit import until
from tests.middleend.stage import COMPONENTS

LOSS = "loss/scaled.py"
EDIT = COMPONENTS[LOSS].replace("scale=1.0", "scale=7.0")


class Tree:
    def __init__(self, root):
        self.root = root
        (root / "cvlabkit").mkdir(parents=True)

    def file(self, path):
        return self.root / parse_component_path(path).file

    def read(self, path):
        return self.file(path).read_text() if self.file(path).exists() else None

    def write(self, path, text):
        """In one step: the worker, which looks all the time, would ask about a file that is half written, too."""
        self.file(path).parent.mkdir(parents=True, exist_ok=True)
        beside = self.root / "beside"
        beside.write_text(text)
        beside.replace(self.file(path))

    def copies(self):
        return [path.read_text() for path in (self.root / ".synapse").rglob("kept/**/*.py")]


@pytest.fixture
def tree(lab, tmp_path):
    made = Tree(tmp_path / "checkout")
    lab.agent(tree=made.root)
    until(lambda: all(made.read(path) == text for path, text in COMPONENTS.items()), explain=lambda: lab.events)
    return made


def conflict(lab, tree, path=LOSS, text=EDIT):
    tree.write(path, text)
    return until(
        lambda: [each for each in lab.experiments.list_notifications() if each["path"] == path],
        explain=lambda: lab.events,
    )[0]


def answered(lab, notification, resolution):
    """Answer, and what has become of it."""
    lab.experiments.answer_notification(notification["id"], resolution)

    def look():
        (row,) = [
            each for each in lab.experiments.list_notifications(pending=False) if each["id"] == notification["id"]
        ]
        return row["status"] != "answered" and row

    return until(look, explain=lambda: lab.events)


def active(lab, path=LOSS):
    versions = lab.components.list_versions(*path.removesuffix(".py").split("/"), include_content=True)
    return next(each["content"] for each in versions if each["is_active"])


def test_an_edit_is_asked_about_once_and_left_alone(lab, tree):
    found = conflict(lab, tree)
    assert (found["conflict_type"], found["host_id"], found["status"]) == ("local_newer", "gpu-1", "pending")
    lab.wait(lab.submit())
    assert len(lab.experiments.list_notifications(pending=False)) == 1
    assert tree.read(LOSS) == EDIT
    assert active(lab) == COMPONENTS[LOSS]


def test_use_server_takes_the_servers_and_keeps_a_copy(lab, tree):
    assert answered(lab, conflict(lab, tree), "use_server")["status"] == "done"
    assert tree.read(LOSS) == COMPONENTS[LOSS]
    assert tree.copies() == [EDIT]


def test_use_local_uploads_and_activates(lab, tree):
    assert answered(lab, conflict(lab, tree), "use_local")["status"] == "done"
    assert tree.read(LOSS) == active(lab) == EDIT


def test_skip_leaves_both_and_asks_no_more(lab, tree):
    assert answered(lab, conflict(lab, tree), "skip")["status"] == "done"
    lab.wait(lab.submit())
    assert lab.experiments.list_notifications() == []
    assert (tree.read(LOSS), active(lab)) == (EDIT, COMPONENTS[LOSS])


def test_a_file_that_is_only_here_is_asked_about_and_uploaded_when_people_say_so(lab, tree):
    found = conflict(lab, tree, "loss/mine.py", EDIT)
    assert found["conflict_type"] == "local_only"
    assert answered(lab, found, "use_local")["status"] == "done"
    assert active(lab, "loss/mine.py") == EDIT


def test_an_answer_about_a_file_that_has_changed_since_is_not_carried_out(lab, tree):
    found = conflict(lab, tree)
    lab.stop()
    later = EDIT.replace("7.0", "8.0")
    tree.write(LOSS, later)
    lab.experiments.answer_notification(found["id"], "use_server")
    lab.agent(tree=tree.root)
    until(lambda: [each for each in lab.experiments.list_notifications() if each["id"] != found["id"]])
    rows = {each["id"]: each for each in lab.experiments.list_notifications(pending=False)}
    assert (rows[found["id"]]["status"], rows[found["id"]]["outcome"]) == (
        "failed",
        "The file has changed since the question was asked.",
    )
    assert tree.read(LOSS) == later


def test_what_is_activated_on_the_server_arrives(lab, tree):
    lab.put({LOSS: EDIT})
    until(lambda: tree.read(LOSS) == EDIT, explain=lambda: lab.events)


def test_of_a_link_out_of_the_tree_the_server_sees_nothing(lab, tree, tmp_path, client):
    private = tmp_path / "private.txt"
    private.write_text("secret = 1\n")
    link = tmp_path / "link.py"
    link.symlink_to(private)
    # In one step: what is missing is brought back.
    link.replace(tree.file(LOSS))
    asked = until(
        lambda: [each for each in lab.experiments.list_notifications() if each["path"] == LOSS],
        explain=lambda: lab.events,
    )[0]

    shown = client.get(f"/api/notifications/{asked['id']}").json()["data"]
    assert (shown["local_hash"] is not None, shown["local_content"]) == (True, None)
    lab.experiments.answer_notification(asked["id"], "use_local")
    (told,) = until(lambda: lab.told("conflict_answered"), explain=lambda: lab.events)
    assert "a link to a file outside" in told["error"]
    assert active(lab) == COMPONENTS[LOSS]
