"""Devices that go: by a removal, by a revoked key, and what is left of them."""

from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.wire.devices import ConflictReport
from tests.backend.experiments.lab import URL, refused
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.models import Token
from web_helper.backend.models.base import utc_now

CONFLICT = ConflictReport(
    path="loss/ce.py", conflict_type="both_changed", local_sha256="1" * 64, server_sha256="2" * 64
)


def devices(lab):
    return {each["host_id"]: each["status"] for each in lab.people.list_devices()}


def test_a_removed_device_is_gone_and_its_key_works_no_more(lab):
    host, other = lab.host(), lab.host("gpu-2")
    for each in (host, other):
        each.beat()

    lab.people.remove_device("gpu-1")
    # An answer that was lost is asked for again.
    lab.people.remove_device("gpu-1")

    assert devices(lab) == {"gpu-2": "healthy"}
    with refused(401):
        host.beat()
    with refused(404):
        lab.people.remove_device("never-joined")


def test_what_a_removed_device_ran_keeps_its_name_and_it_may_join_again(lab):
    host = lab.host()
    uid = lab.submit_one()
    host.run(host.take())

    lab.people.remove_device("gpu-1")

    assert lab.people.get_experiment(uid)["device"] == "gpu-1"
    again = lab.host()
    again.beat()
    assert devices(lab) == {"gpu-1": "healthy"}


def test_a_removed_device_is_shown_as_long_as_it_may_have_runs(lab):
    host = lab.host()
    uid = lab.submit_one()
    host.start(host.take())

    lab.people.remove_device("gpu-1")
    assert devices(lab) == {"gpu-1": "disconnected"}

    lab.people.cancel(uid)
    assert devices(lab) == {}


def test_questions_of_a_removed_device_are_closed(lab):
    host = lab.host()
    host.client.report_conflict(CONFLICT)
    lab.people.remove_device("gpu-1")
    (asked,) = lab.people.list_notifications(pending=False)
    assert (asked["status"], asked["outcome"]) == ("failed", "The device was removed.")


def test_a_device_whose_key_was_revoked_is_disconnected_at_once(lab, database):
    lab.host().beat()
    with database.write() as session:
        session.query(Token).filter(Token.device_id.is_not(None)).update({"revoked_at": utc_now()})
    assert devices(lab) == {"gpu-1": "disconnected"}


@SQLITE_ONLY
def test_only_who_let_it_join_or_an_administrator_removes_a_device(lab, make):
    project = make.project()
    keys = [make.user(project=project, role="manager")[1].headers["Authorization"].split()[1] for _ in range(2)]
    mine, theirs = (ExperimentClient(URL, key, transport=lab.transport) for key in keys)
    lab.host("mine", mine)

    with refused(403):
        theirs.remove_device("mine")
    with refused(403):
        ExperimentClient(URL, lab.host("worker").token, transport=lab.transport).remove_device("mine")
    mine.remove_device("mine")
    assert "mine" not in devices(lab)
