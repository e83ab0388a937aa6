"""Conflicts on devices: asked about once, kept until answered, answered until carried out."""

import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.wire.devices import ConflictReport
from tests.backend.experiments.lab import COMPONENTS, URL, refused
from tests.backend.factories import SQLITE_ONLY

PATH = "loss/ce.py"
MINE = "x = 'mine'\n"


def conflict(content: str = MINE, path: str = PATH, **fields) -> ConflictReport:
    server = COMPONENTS[PATH].encode()
    facts = {
        "conflict_type": "local_newer",
        "local_sha256": sha256_of(content.encode()),
        "server_sha256": sha256_of(server),
        "local_hash": short_hash(content.encode()),
        "server_hash": short_hash(server),
    }
    return ConflictReport(path=path, **{**facts, **fields})


@pytest.fixture
def host(lab):
    return lab.host()


def test_a_conflict_is_asked_about_once_and_kept_until_somebody_answers(lab, host):
    asked = host.client.report_conflict(conflict())
    assert host.client.report_conflict(conflict()).id == asked.id
    host.beat()

    (listed,) = lab.people.list_notifications()

    assert (listed["id"], listed["host_id"], listed["path"], listed["status"]) == (asked.id, "gpu-1", PATH, "pending")
    assert host.beat().answers == []


@SQLITE_ONLY
def test_what_the_server_does_not_have_cannot_be_used(lab, host):
    only = conflict(path="loss/mine.py", conflict_type="local_only", server_sha256=None, server_hash=None)
    asked = host.client.report_conflict(only)

    with refused(409):
        lab.people.answer_notification(asked.id, "use_server")

    assert [each["status"] for each in lab.people.list_notifications()] == ["pending"]
    assert lab.people.answer_notification(asked.id, "skip")["status"] == "answered"


def test_an_answer_is_told_until_it_is_carried_out(lab, host):
    asked = host.client.report_conflict(conflict())
    answered = lab.people.answer_notification(asked.id, "use_server")
    assert (answered["status"], answered["answered_by"]) == ("answered", "admin@localhost")
    assert lab.people.answer_notification(asked.id, "use_server")["status"] == "answered"
    with refused(409):
        lab.people.answer_notification(asked.id, "skip")

    for _ in range(2):
        (told,) = host.beat().answers
        assert (told.id, told.path, told.resolution, told.local_sha256) == (
            asked.id, PATH, "use_server", conflict().local_sha256
        )  # fmt: skip
    assert host.client.carry_out(asked.id, is_done=True).status == "done"
    assert host.client.carry_out(asked.id, is_done=True).status == "done"

    assert host.beat().answers == []
    assert lab.people.list_notifications() == []
    assert [each["status"] for each in lab.people.list_notifications(pending=False)] == ["done"]


@SQLITE_ONLY
def test_an_answer_that_could_not_be_carried_out_says_why(lab, host):
    asked = host.client.report_conflict(conflict())
    with refused(409):
        host.client.carry_out(asked.id, is_done=True)
    lab.people.answer_notification(asked.id, "use_server")

    host.client.carry_out(asked.id, is_done=False, message="the disk is full")

    (shown,) = lab.people.list_notifications(pending=False)
    assert (shown["status"], shown["outcome"]) == ("failed", "the disk is full")


def test_what_was_skipped_stays_skipped_until_a_side_changes(lab, host):
    asked = host.client.report_conflict(conflict())
    lab.people.answer_notification(asked.id, "skip")
    host.client.carry_out(asked.id, is_done=True)

    assert host.client.report_conflict(conflict()).resolution == "skip"
    assert lab.people.list_notifications() == []
    host.client.report_conflict(conflict("x = 'edited again'\n"))
    assert len(lab.people.list_notifications()) == 1


def test_a_conflict_that_comes_back_is_asked_about_again(lab, host):
    asked = host.client.report_conflict(conflict())
    lab.people.answer_notification(asked.id, "use_server")
    host.client.carry_out(asked.id, is_done=True)

    again = host.client.report_conflict(conflict())

    assert (again.id, again.status, again.resolution) == (asked.id, "pending", None)


def test_a_question_about_bytes_that_are_gone_is_closed(lab, host):
    older = host.client.report_conflict(conflict())
    newer = host.client.report_conflict(conflict("x = 'newer'\n"))

    assert [each["id"] for each in lab.people.list_notifications()] == [newer.id]
    with refused(409):
        lab.people.answer_notification(older.id, "use_local")


def upload(lab, host, content: str, path: str = PATH, aliases: tuple[str, ...] = ("active",)):
    with ComponentClient(URL, host.token, transport=lab.transport) as store:
        return store.change([{"path": path, "content": content, "aliases": list(aliases)}])


def active(lab) -> str:
    return lab.store.list_aliases(PATH)[0]["hash"]


def test_a_worker_may_upload_what_people_have_decided_and_nothing_else(lab, host):
    asked = host.client.report_conflict(conflict())
    with refused(403):
        upload(lab, host, MINE)
    lab.people.answer_notification(asked.id, "use_local")
    for content, path, aliases in (
        ("x = 'something else'\n", PATH, ("active",)),
        (MINE, "loss/focal.py", ("active",)),
        (MINE, PATH, ("active", "stable")),
    ):
        with refused(403):
            upload(lab, host, content, path, aliases)
    other = lab.host("gpu-2")
    with refused(403):
        upload(lab, other, MINE)

    upload(lab, host, MINE)
    host.client.carry_out(asked.id, is_done=True)

    assert active(lab) == short_hash(MINE.encode())
    with refused(403):
        upload(lab, host, MINE)


@SQLITE_ONLY
def test_a_workers_key_changes_nothing_else_in_the_store(lab, host, make):
    worker = make.client_with(host.token)
    version = active(lab)
    for path, body in (
        ("versions/upload", {"path": PATH, "content": MINE}),
        ("versions/activate", {"hash": version, "path": PATH}),
        ("versions/scan", {}),
        ("rollback", {"paths": [PATH]}),
        ("changes/1/rollback", {}),
        ("changes", {"changes": [{"path": PATH, "hash": version}]}),
    ):
        assert worker.post(f"/api/components/{path}", json=body).status_code == 403, path
    assert worker.post("/api/components/sync", json={"need": [PATH]}).status_code == 200


@SQLITE_ONLY
def test_who_may_answer_and_who_may_ask(lab, host, make):
    asked = host.client.report_conflict(conflict())
    key = make.user(project=make.project(), role="viewer")[1].headers["Authorization"].split()[1]
    viewer = ExperimentClient(URL, key, transport=lab.transport)

    assert len(viewer.list_notifications()) == 1
    with refused(403):
        viewer.answer_notification(asked.id, "use_local")
    with refused(404):
        lab.host("gpu-2").client.carry_out(asked.id, is_done=True)
    with refused(404):
        lab.people.answer_notification(12345, "skip")
    with refused(400):
        host.client.report_conflict(conflict(path="../../etc/passwd"))
    assert make.client.post("/api/notifications", json=conflict().model_dump()).status_code == 403


def test_a_question_is_read_with_both_sides(lab, host, make):
    asked = host.client.report_conflict(conflict(local_content=MINE))

    shown = make.client.get(f"/api/notifications/{asked.id}").json()["data"]

    assert (shown["local_content"], shown["server_content"]) == (MINE, COMPONENTS[PATH])
    assert "local_content" not in lab.people.list_notifications()[0]
    assert make.client.get("/api/notifications/12345").status_code == 404


@SQLITE_ONLY
def test_a_worker_that_tells_its_content_later_is_heard_and_one_that_tells_another_is_not(lab, host, make):
    asked = host.client.report_conflict(conflict())
    assert make.client.get(f"/api/notifications/{asked.id}").json()["data"]["local_content"] is None
    with refused(400):
        host.client.report_conflict(conflict(local_content="x = 'another'\n"))

    host.client.report_conflict(conflict(local_content=MINE))

    assert make.client.get(f"/api/notifications/{asked.id}").json()["data"]["local_content"] == MINE
