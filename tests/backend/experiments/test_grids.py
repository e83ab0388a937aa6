"""What people do to all runs of a grid at once. On both databases."""

import pytest

from synapse_sdk.clients.experiments import ExperimentClient
from tests.backend.experiments.lab import CONFIG, URL, refused
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.models import Role

GRID = f"{CONFIG}lr: [1, 2, 3, 4]\n"


def states(lab, runs):
    return [lab.status(each["uid"]) for each in runs]


def test_a_whole_grid_is_cancelled_and_what_has_ended_or_is_another_stays(lab):
    host = lab.host()
    runs, other = lab.submit(GRID), lab.submit_one()
    first, second = host.take(), host.take()
    host.start(first)
    host.end(first)
    host.start(second)

    assert lab.people.move_grid(runs[3]["uid"], "cancel") == {"moved": 3, "left": 1}

    assert states(lab, runs) == ["completed", "cancelled", "cancelled", "cancelled"]
    assert lab.people.get_experiment(runs[2]["uid"])["message"].startswith("Cancelled by ")
    assert host.beat(second).cancelled == [second.experiment.uid]
    assert lab.people.move_grid(runs[0]["uid"], "cancel") == {"moved": 0, "left": 4}
    assert host.take().experiment.uid == other


@SQLITE_ONLY
def test_a_whole_grid_is_held_and_let_go(lab):
    host = lab.host()
    runs = lab.submit(GRID, hold=True)
    uid = runs[0]["uid"]

    assert lab.people.move_grid(uid, "resume") == {"moved": 4, "left": 0}
    job = host.take()
    host.start(job)
    assert lab.people.move_grid(uid, "pause") == {"moved": 4, "left": 0}
    assert (states(lab, runs), host.beat(job).paused) == (["paused"] * 4, [uid])
    assert lab.people.move_grid(uid, "resume") == {"moved": 4, "left": 0}
    assert states(lab, runs) == ["running", "queued", "queued", "queued"]


@SQLITE_ONLY
def test_who_may_move_a_grid(lab, make):
    project = make.project()
    people = {}
    for role in Role:
        key = make.user(project=project, role=role)[1].headers["Authorization"].split()[1]
        people[role] = ExperimentClient(URL, key, transport=lab.transport)
    runs = people[Role.MANAGER].submit(GRID)

    for role in set(Role) - {Role.MANAGER}:
        with refused(403):
            people[role].move_grid(runs[0]["uid"], "cancel")
    with refused(404):
        people[Role.MANAGER].move_grid("nowhere", "cancel")

    assert states(lab, runs) == ["queued"] * 4
    assert people[Role.MANAGER].move_grid(runs[0]["uid"], "cancel") == {"moved": 4, "left": 0}


@SQLITE_ONLY
@pytest.mark.parametrize("body", [{}, {"act": "expire"}, {"act": "cancel", "more": 1}])
def test_what_cannot_be_done_to_a_grid_is_refused(lab, make, body):
    response = make.client.post(f"/api/experiments/{lab.submit_one()}/grid", json=body)

    assert response.status_code in (400, 422)
