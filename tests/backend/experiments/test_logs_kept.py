"""What runs printed is removed after a time, and only so many may follow it at once."""

from datetime import timedelta

import pytest

from tests.backend.experiments.lab import CONFIG
from tests.backend.experiments.test_runs import events_of, read_log
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.models import Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments.experiments import locked_experiment
from web_helper.backend.services.experiments import streams
from web_helper.backend.services.exports.export_stream import StreamSlots
from web_helper.backend.services.exports.job_queue import JobQueue


@pytest.fixture
def purge(database, settings):
    """The worker's housekeeping, with a number of seconds that logs are kept."""
    queue = JobQueue(settings)
    yield lambda seconds: Housekeeping(
        database, settings.model_copy(update={"log_keep_seconds": seconds}), queue
    ).purge()
    queue.close()


def ended(lab, host, *, days: int) -> str:
    """A run that ended so long ago."""
    uid = lab.submit_one(CONFIG)
    host.run(host.take(), log=b"hello\n")
    with lab.database.write() as session:
        experiment: Experiment = locked_experiment(session, uid)
        experiment.finished = utc_now() - timedelta(days=days)
    return uid


def test_a_log_is_removed_in_its_time_and_everything_else_stays(lab, client, purge):
    host = lab.host()
    old, new = ended(lab, host, days=31), ended(lab, host, days=29)
    running = lab.submit_one()
    job = host.take()
    host.start(job)
    host.client.send_log(running, job.attempt, 0, b"still here\n")

    purge(30 * 86_400)
    purge(30 * 86_400)

    followed = client.get(f"/api/experiments/{old}/log")
    text = f"[The log was removed on {utc_now():%Y-%m-%d}.]\n"
    assert events_of(followed.text) == [("log", "6", {"offset": 6, "text": text}), ("end", None, "completed")]
    # Whoever has read it all is told nothing more.
    assert read_log(lab.people, old, 6) == ""
    assert lab.people.get_metrics(old)["rows"] == [{"epoch": 1, "loss": 0.5}]
    assert lab.people.get_experiment(old)["manifest"] is not None
    assert read_log(lab.people, new) == "hello\n"
    assert read_log(lab.people, running) == "still here\n"


def test_everything_is_kept_where_that_is_wanted(lab, purge):
    uid = ended(lab, lab.host(), days=9999)

    purge(0)

    assert read_log(lab.people, uid) == "hello\n"


def test_many_logs_are_removed_few_at_a_time(lab, purge, monkeypatch):
    monkeypatch.setattr(streams, "LOGS_PER_REMOVAL", 2)
    host = lab.host()
    uids = [ended(lab, host, days=days) for days in (40, 50, 60, 70, 80)]
    with lab.database.write() as session:
        assert streams.remove_old_logs(session, utc_now() - timedelta(days=30)) == 2
    # The oldest first.
    assert [read_log(lab.people, uid) == "hello\n" for uid in uids] == [True, True, True, False, False]

    purge(30 * 86_400)

    assert [read_log(lab.people, uid) == "hello\n" for uid in uids] == [False] * 5


def test_so_many_follow_logs_at_once_and_no_more(app, lab, client):
    uid = ended(lab, lab.host(), days=0)
    slots = app.state.log_slots = StreamSlots(1, "logs that are followed")
    assert client.get(f"/api/experiments/{uid}/log").status_code == 200
    assert slots.taken == 0

    slots.take()
    refused = client.get(f"/api/experiments/{uid}/log")

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert "1 logs that are followed are open" in refused.json()["error"]["message"]
    # Reading what is there follows nothing.
    assert read_log(lab.people, uid) == "hello\n"
    slots.give_back()
    assert client.get("/api/experiments/unknown/log").status_code == 404
    assert (client.get(f"/api/experiments/{uid}/log").status_code, slots.taken) == (200, 0)
