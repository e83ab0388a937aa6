"""Many files at once, all or nothing; who, when and why; and the way back."""

import hashlib
import threading

import pytest

from tests.backend.components.store import API
from web_helper.backend.queries.components.moves import MoveRow
from web_helper.backend.services.components.store import previous_version

PATHS = ["model/a.py", "loss/b.py", "agent/c.py"]


def changes(number: int, **fields) -> list[dict]:
    return [{"path": path, "content": f"n = {number}  # {path}\n", **fields} for path in PATHS]


def test_a_set_adds_and_activates_everything_and_is_recorded_once(store):
    record = store.post("/changes", {"changes": changes(1), "reason": "first"})

    assert (record["kind"], record["reason"], record["user"], record["registered"]) == (
        "change", "first", "admin@localhost", 3,
    )  # fmt: skip
    assert {move["path"]: move["to_hash"] for move in record["changes"]} == store.active()
    assert all(move["from_hash"] is None and move["alias"] == "active" for move in record["changes"])
    assert store.log() == [record]


def test_the_same_set_again_changes_and_records_nothing(store):
    store.post("/changes", {"changes": changes(1)})
    again = store.post("/changes", {"changes": changes(1)})
    assert (again["id"], again["changes"], again["registered"]) == (None, [], 0)
    assert len(store.log()) == 1


def test_what_is_expected_is_checked_for_all_before_anything_is_done(store):
    store.post("/changes", {"changes": changes(1)})
    before = store.active()
    stale = changes(2)
    for change in stale:
        change["expected"] = before[change["path"]]
    store.upload("loss/b.py", "somebody else\n")

    refused = store.post("/changes", {"changes": stale}, status=409)

    assert [detail["field"] for detail in refused["details"]] == ["loss/b.py"]
    after = store.active()
    assert {path: after[path] for path in ("model/a.py", "agent/c.py")} == {
        path: before[path] for path in ("model/a.py", "agent/c.py")
    }
    assert all(each["version_count"] <= 2 for each in store.get("/versions"))
    stale[1]["expected"] = after["loss/b.py"]
    store.post("/changes", {"changes": stale})


def test_nothing_there_yet_can_be_expected_too(store):
    store.post("/changes", {"changes": changes(1, expected=None)})
    assert store.post("/changes", {"changes": changes(2, expected=None)}, status=409)["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "../x.py", "content": ""}, 400),
        ({"path": "model/z.py"}, 400),
        ({"path": "model/z.py", "hash": "0" * 16}, 404),
        ({"path": "model/z.py", "hash": "xyz"}, 400),
        ({"path": "model/z.py", "content": "a", "hash": "0" * 16}, 400),
        ({"path": "model/z.py", "content": "a", "aliases": ["Not An Alias"]}, 400),
        ({"path": "model/a.py", "content": "a"}, 400),
    ],
)
def test_one_bad_change_leaves_everything_as_it_was(store, change, status):
    store.post("/changes", {"changes": [*changes(1), change]}, status=status)
    assert store.get("/versions") == []
    assert store.log() == []


def test_aliases_besides_active(store):
    store.post("/changes", {"changes": changes(1, aliases=["active", "paper-2026"])})
    store.post("/changes", {"changes": changes(2)})
    first = store.history("model/a.py")[1][0]
    store.post("/changes", {"changes": [{"path": "model/a.py", "hash": first, "aliases": ["stable"]}]})

    aliases = {(each["path"], each["alias"]): each["hash"] for each in store.get("/aliases")}
    assert len(aliases) == 7
    assert aliases["model/a.py", "stable"] == aliases["model/a.py", "paper-2026"] == first
    assert aliases["model/a.py", "active"] == store.history("model/a.py")[0][0]
    assert {each["alias"] for each in store.get("/aliases", path="loss/b.py")} == {"active", "paper-2026"}


def test_one_change_of_a_set_may_name_the_content_that_another_brings(store):
    path, content = "model/a.py", "n = 1\n"
    name = store.upload("loss/same.py", content)["hash"]
    changes = [{"path": path, "content": content}, {"path": path, "hash": name, "aliases": ["stable"]}]
    record = store.post("/changes", {"changes": changes})
    assert record["registered"] == 1
    assert {each["alias"]: each["hash"] for each in store.get("/aliases", path=path)} == {
        "active": name,
        "stable": name,
    }


@pytest.mark.parametrize("aliases", [[], ["stable"]])
def test_a_path_is_named_once_for_each_alias(store, aliases):
    old, new = (store.upload("model/a.py", f"n = {number}\n")["hash"] for number in range(2))
    changes = [{"path": "model/a.py", "hash": name, "aliases": aliases} for name in (old, new)]
    assert "a set changes it once" in store.post("/changes", {"changes": changes}, status=400)["message"]


def test_long_and_short_names_may_be_mixed_in_a_set(store):
    first = store.post("/changes", {"changes": changes(1)})
    store.post("/changes", {"changes": changes(2)})
    names = {move["path"]: move["to_hash"] for move in first["changes"]}
    content = changes(1)[0]["content"].encode()
    mixed = names | {PATHS[0]: hashlib.sha256(content).hexdigest()}
    store.post("/changes", {"changes": [{"path": path, "hash": name} for path, name in mixed.items()]})
    assert store.active() == names


def test_a_set_is_undone_as_a_whole_down_to_nothing(store):
    first = store.post("/changes", {"changes": changes(1, aliases=["active", "stable"])})
    active = store.active()
    second = store.post("/changes", {"changes": changes(2)})

    undone = store.post(f"/changes/{second['id']}/rollback", {"reason": "worse"})
    assert (store.active(), undone["kind"], undone["reason"]) == (active, "rollback", "worse")

    store.post(f"/changes/{first['id']}/rollback", {})
    assert set(store.active().values()) == {None}
    assert store.get("/aliases") == []
    # Nothing is lost: the versions are there, and can be made active again.
    assert [each["version_count"] for each in store.get("/versions")] == [2, 2, 2]


def test_a_set_cannot_be_undone_over_what_came_after_it(store):
    first = store.post("/changes", {"changes": changes(1)})
    store.upload("model/a.py", "newer\n")
    before = store.active()
    assert store.post(f"/changes/{first['id']}/rollback", {}, status=409)["details"][0]["field"] == "model/a.py"
    assert store.active() == before
    store.post("/changes/12345/rollback", {}, status=404)


def test_rolling_back_goes_further_each_time_and_has_an_end(store):
    hashes = [store.upload("model/a.py", f"v = {number}\n")["hash"] for number in range(3)]
    for expected in (hashes[1], hashes[0]):
        store.post("/rollback", {"paths": ["model/a.py"]})
        assert store.active()["model/a.py"] == expected
    assert "no earlier version" in store.post("/rollback", {"paths": ["model/a.py"]}, status=409)["message"]


def test_rolling_back_several_is_all_or_nothing(store):
    first = store.upload("model/a.py", "v = 1\n")["hash"]
    second = store.upload("model/a.py", "v = 2\n")["hash"]
    store.upload("loss/b.py", "w = 1\n")
    store.post("/rollback", {"paths": ["model/a.py", "loss/b.py"]}, status=409)
    assert store.active()["model/a.py"] == second
    store.post("/rollback", {"paths": ["model/a.py"]})
    assert store.active()["model/a.py"] == first


@pytest.mark.parametrize(
    ("path", "previous"),
    [([], None), ([1], None), ([1, 2], 1), ([1, 2, 3], 2), ([1, 2, 3, 2], 1), ([1, 2, 1], None), ([1, 2, 1, 3], 1)],
)
def test_the_version_before(path, previous):
    moves = [MoveRow(1, "model/a.py", "active", None, version) for version in path]
    assert previous_version(moves) == previous


def test_the_record_names_who_when_and_why_by_path_and_by_page(store, make):
    from web_helper.backend.models import Role

    manager = make.user(project=make.project(), role=Role.MANAGER)[1]
    store.upload("model/a.py", "v = 1\n", reason="ours")
    manager.post(f"{API}/versions/upload", json={"path": "model/a.py", "content": "v = 2\n"})
    store.upload("loss/b.py", "w = 1\n", activate=False)

    log = store.log(path="model/a.py")
    assert [(entry["kind"], entry["reason"]) for entry in log] == [("upload", ""), ("upload", "ours")]
    assert log[0]["user"].startswith("user")
    assert log[0]["changes"][0]["from_hash"] == log[1]["changes"][0]["to_hash"]
    assert log[0]["created_at"] > log[1]["created_at"]
    assert [entry["registered"] for entry in store.log(path="loss/b.py")] == [1]
    newest = store.log(limit=1)[0]
    assert [entry["id"] for entry in store.log(before=newest["id"])] == [entry["id"] for entry in log]
    store.call("GET", "/changes", 400, params={"limit": 0})


def test_eight_at_once_leave_one_whole_set_and_nobody_fails(store, make):
    store.post("/changes", {"changes": changes(0)})
    answers = []

    def push(number: int) -> None:
        answers.append(store.client.post(f"{API}/changes", json={"changes": changes(number)}).status_code)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * 8
    shown = [store.get(f"/versions/hash/{name}", path=path)["content"] for path, name in store.active().items()]
    assert len({content.split("#")[0] for content in shown}) == 1
    assert len(store.log()) == 9


def test_only_one_of_two_who_expected_the_same_gets_it(store):
    store.post("/changes", {"changes": changes(0)})
    expected = store.active()
    sets = [[change | {"expected": expected[change["path"]]} for change in changes(number)] for number in (1, 2)]
    answers = []
    threads = [
        threading.Thread(
            target=lambda each=each: answers.append(
                store.client.post(f"{API}/changes", json={"changes": each}).status_code
            )
        )
        for each in sets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
