"""A set that was uploaded before is activated at once, by its number; the log tells each move all the same."""

import threading

import pytest

from tests.backend.components.store import API
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.models import Role

PATHS = ["agent/c.py", "loss/b.py", "model/a.py"]


def push(store, number, paths=PATHS, **fields):
    changes = [{"path": path, "content": f"n = {number}  # {path}\n", **fields} for path in paths]
    return store.post("/changes", {"changes": changes})


def hashes_of(record):
    return {move["path"]: move["to_hash"] for move in record["changes"]}


def activate(store, record, status=200, **fields):
    return store.post(f"/changes/{record['id']}/activate", fields, status)


def test_a_set_that_waits_under_a_name_is_activated_as_a_whole(store):
    first = push(store, 1)
    staged = push(store, 2, aliases=["next"])
    assert store.active() == hashes_of(first)

    done = activate(store, staged, reason="reviewed")

    assert done == {"id": staged["id"] + 1, "moved": 3}
    assert store.active() == hashes_of(staged)
    newest = store.log()[0]
    assert (newest["id"], newest["kind"], newest["reason"], newest["user"]) == (
        done["id"], "activate", "reviewed", "admin@localhost",
    )  # fmt: skip
    assert newest["changes"] == [
        {"path": path, "alias": "active", "from_hash": hashes_of(first)[path], "to_hash": hashes_of(staged)[path]}
        for path in PATHS
    ]


def test_again_there_is_nothing_to_change(store):
    staged = push(store, 1, aliases=["next"])
    activate(store, staged)
    log = store.log()
    assert activate(store, staged) == {"id": None, "moved": 0}
    assert store.log() == log


def test_what_is_there_already_is_no_move(store):
    staged = push(store, 1, aliases=["next"])
    push(store, 1, PATHS[:1])
    done = activate(store, staged)
    assert done["moved"] == 2
    assert [move["path"] for move in store.log()[0]["changes"]] == PATHS[1:]
    assert [each["id"] for each in store.log(path=PATHS[0])] == [done["id"] - 1, staged["id"]]


def test_the_log_tells_where_each_move_began_whatever_came_between(store):
    """Sets that name a set, sets that name their moves, and what takes an alias away, in turns."""
    sets = [push(store, number) for number in (1, 2)]
    done = [sets[0], sets[1]]
    done.append(activate(store, sets[0]))
    done.append(push(store, 3, PATHS[:2]))
    done.append(activate(store, sets[1]))
    done.append(store.post(f"/changes/{done[-1]['id']}/rollback", {}))
    done.append(activate(store, done[2]))
    done.append(activate(store, sets[1], alias="stable"))
    done.append(activate(store, sets[1]))

    state: dict[tuple[str, str], str | None] = {}
    log = store.log()
    assert [each["id"] for each in reversed(log)] == [each["id"] for each in done]
    for record in reversed(log):
        assert record["changes"]
        for move in record["changes"]:
            key = move["path"], move["alias"]
            assert move["from_hash"] == state.get(key)
            assert move["from_hash"] != move["to_hash"]
            state[key] = move["to_hash"]
    assert state == {(each["path"], each["alias"]): each["hash"] for each in store.get("/aliases")}
    for path in PATHS:
        told = [(each["id"], *each["changes"]) for each in store.log(path=path)]
        wanted = [(each["id"], *(m for m in each["changes"] if m["path"] == path)) for each in log]
        assert told == [each for each in wanted if len(each) > 1]


def test_it_is_rolled_back_as_any_other_set_and_any_other_version(store):
    first, second = push(store, 1), push(store, 2, aliases=["next"])
    done = activate(store, second)
    store.post(f"/changes/{done['id']}/rollback", {"reason": "worse"})
    assert store.active() == hashes_of(first)
    activate(store, second)
    store.post("/rollback", {"paths": PATHS[:2]})
    assert store.active() == hashes_of(first) | {PATHS[2]: hashes_of(second)[PATHS[2]]}


def test_it_is_not_rolled_back_over_what_came_after_it(store):
    push(store, 1)
    done = activate(store, push(store, 2, aliases=["next"]))
    store.upload(PATHS[0], "newer\n")
    before = store.active()
    refused = store.post(f"/changes/{done['id']}/rollback", {}, status=409)
    assert [each["field"] for each in refused["details"]] == PATHS[:1]
    assert store.active() == before


def test_with_what_is_expected_nothing_is_taken_back_that_came_meanwhile(store):
    push(store, 1)
    staged = push(store, 2, aliases=["next"])
    store.upload(PATHS[1], "somebody else's\n")
    before, log = store.active(), store.log()

    refused = activate(store, staged, 409, expected=staged["id"])

    assert [each["field"] for each in refused["details"]] == [PATHS[1]]
    assert (store.active(), store.log()) == (before, log)
    done = activate(store, staged, expected=log[0]["id"])
    assert done["moved"] == 3
    # The answer may have been lost: the same again is no conflict with itself.
    assert activate(store, staged, expected=log[0]["id"]) == {"id": None, "moved": 0}


def test_what_was_activated_by_reference_counts_as_moved_too(store):
    first, second = push(store, 1), push(store, 2)
    activate(store, first)
    assert len(activate(store, second, 409, expected=second["id"])["details"]) == 3
    # Of another alias nobody has moved anything.
    assert activate(store, second, alias="stable", expected=second["id"])["moved"] == 3


def test_workers_are_told_what_was_moved(store):
    push(store, 1)
    staged = push(store, 2, PATHS[1:], aliases=["next"])
    before = store.get("/state")["state"]
    activate(store, staged)
    news = store.get("/state", since=before)
    assert news["state"] != before
    assert sorted(news["changed"]) == PATHS[1:]


def test_stories_tell_of_it(store):
    staged = push(store, 1, PATHS[2:], aliases=["next"])
    activate(store, staged, reason="reviewed")
    (version,) = store.get("/stories/model/a")
    assert (version["is_active"], version["aliases"]) == (True, ["active", "next"])
    assert [(each["alias"], each["kind"], each["reason"]) for each in version["moves"]] == [
        ("active", "activate", "reviewed"),
        ("next", "change", ""),
    ]


def test_an_alias_that_was_taken_away_comes_back(store):
    first = push(store, 1)
    store.post(f"/changes/{first['id']}/rollback", {})
    assert activate(store, first)["moved"] == 3
    assert store.active() == hashes_of(first)
    assert {move["from_hash"] for move in store.log()[0]["changes"]} == {None}


def test_several_aliases_for_one_version_are_one_and_two_versions_of_a_path_are_refused(store):
    both = push(store, 1, aliases=["next", "stable"])
    assert activate(store, both)["moved"] == 3
    one, two = (store.upload(PATHS[0], f"v = {number}\n")["hash"] for number in (1, 2))
    mixed = store.post(
        "/changes",
        {"changes": [{"path": PATHS[0], "hash": name, "aliases": [alias]} for name, alias in ((one, "a"), (two, "b"))]},
    )
    assert "two versions of a path" in activate(store, mixed, 409)["message"]


def test_a_set_without_aliases_says_what_to_do(store):
    only_there = push(store, 1, aliases=[])
    assert "--alias next" in activate(store, only_there, 409)["message"]
    assert set(store.active().values()) == {None}


@pytest.mark.parametrize("number", [0, -1, 99, 2**63])
def test_a_set_that_is_not_there(store, number):
    store.post(f"/changes/{number}/activate", {}, status=404)


@SQLITE_ONLY
def test_what_makes_no_sense_is_refused(store):
    staged = push(store, 1)
    for body in ({"alias": "No Alias"}, {"expected": -1}, {"hash": "0" * 16}):
        activate(store, staged, 400, **body)


def test_only_who_may_decide_what_workers_run_may_do_it(store, make):
    staged = push(store, 1, aliases=["next"])
    annotator = make.user(project=make.project(), role=Role.ANNOTATOR)[1]
    response = annotator.post(f"{API}/changes/{staged['id']}/activate", json={})
    assert response.status_code == 403
    assert set(store.active().values()) == {None}


def test_of_eight_at_once_one_is_last_and_no_set_is_mixed(store):
    sets = [push(store, number, aliases=["next"]) for number in range(8)]
    answers = []

    def act(record) -> None:
        answers.append(store.client.post(f"{API}/changes/{record['id']}/activate", json={}).status_code)

    threads = [threading.Thread(target=act, args=(record,)) for record in sets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8
    assert store.active() in [hashes_of(record) for record in sets]
