"""Who gets which job: order, devices, attempts, silence. On both databases."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.experiments import RunOutcome
from tests.backend.experiments.lab import CONFIG, URL, Host, refused
from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.jobs.housekeeping import Housekeeping
from web_helper.backend.models import Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import experiments
from web_helper.backend.services.experiments.queue import classify, sweep
from web_helper.backend.services.exports.job_queue import JobQueue

WORKERS = 8


def grid_of(count: int) -> str:
    return f"{CONFIG}lr: {list(range(count))}\n"


def test_the_most_urgent_is_next_and_among_equals_the_first(lab):
    order = ["normal", "low", "urgent", "high", "normal", "urgent", "low"]
    uids = [(priority, lab.submit_one(priority=priority)) for priority in order]
    host = lab.host()

    taken = []
    while (job := host.take(*taken)) is not None:
        taken.append(job)

    rank = {name: number for number, name in enumerate(("urgent", "high", "normal", "low"))}
    assert [job.experiment.uid for job in taken] == [uid for _, uid in sorted(uids, key=lambda each: rank[each[0]])]


def test_a_job_for_a_device_waits_for_that_device(lab):
    wanted = lab.submit_one(device="gpu-2", priority="urgent")
    anywhere = lab.submit_one()
    first, second = lab.host("gpu-1"), lab.host("gpu-2")

    assert first.take().experiment.uid == anywhere
    assert first.take(*[job for job in [first.client.next_job([])] if job]) is None
    assert second.take().experiment.uid == wanted


def test_eight_workers_share_the_queue_and_none_gets_what_another_has(lab):
    made = lab.submit(grid_of(40))
    hosts = [lab.host(f"gpu-{number}") for number in range(WORKERS)]
    taken: dict[str, list[str]] = {host.host_id: [] for host in hosts}
    failures = []

    def work(host: Host) -> None:
        try:
            jobs = []
            while (job := host.take(*jobs)) is not None:
                jobs.append(job)
                taken[host.host_id].append(job.experiment.uid)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the test tells
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(host,)) for host in hosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not failures
    everything = Counter(uid for uids in taken.values() for uid in uids)
    assert everything == Counter(run["uid"] for run in made)
    for host_id, uids in taken.items():
        # What one worker gets comes in the order of the queue.
        positions = [next(run["grid"] for run in made if run["uid"] == uid) for uid in uids]
        assert positions == sorted(positions)
        assert all(lab.people.get_experiment(uid)["device"] == host_id for uid in uids[:2])


def test_a_job_whose_answer_was_lost_is_given_again(lab):
    uid = lab.submit_one()
    host = lab.host()
    first = host.take()

    again = host.take()

    assert (again.experiment.uid, again.attempt) == (uid, first.attempt) == (uid, 1)
    assert host.take(again) is None


def test_a_worker_lets_go_of_one_attempt_before_it_is_given_the_next(lab):
    uid = lab.submit_one()
    host = lab.host()
    first = host.take()
    lab.people.pause(uid)
    lab.people.resume(uid)

    assert host.take(first) is None
    again = host.take()

    assert (again.experiment.uid, again.attempt) == (uid, 2)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "healthy"), (29, "healthy"), (31, "stale"), (59, "stale"), (61, "disconnected")]
)
def test_a_device_is_as_well_as_it_was_heard_from_lately(seconds, status):
    now = utc_now()
    assert classify(now - timedelta(seconds=seconds), now) == status
    assert classify(None, now) == "disconnected"


def test_a_silent_device_loses_what_it_holds_and_nothing_of_anothers(lab):
    silent, well = lab.host("silent"), lab.host("well")
    running, waiting, theirs = (lab.submit_one() for _ in range(3))
    ran = silent.take()
    silent.start(ran)
    silent.take(ran)
    other = well.take()
    well.start(other)
    lab.silence("silent", 61)

    well.beat(other)

    assert [lab.status(uid) for uid in (running, waiting, theirs)] == ["crashed", "queued", "running"]
    assert {each["host_id"]: each["status"] for each in lab.people.list_devices()} == {
        "silent": "disconnected",
        "well": "healthy",
    }
    job = well.take(other)
    assert (job.experiment.uid, job.attempt) == (waiting, 2)


@SQLITE_ONLY
def test_a_stale_device_keeps_its_jobs(lab):
    host = lab.host()
    uid = lab.submit_one()
    host.start(host.take())
    lab.silence("gpu-1", 31)

    with lab.database.write() as session:
        assert sweep(session) == []

    assert lab.status(uid) == "running"
    assert lab.people.list_devices()[0]["status"] == "stale"


@SQLITE_ONLY
def test_a_worker_that_comes_back_with_its_run_goes_on(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)
    lab.silence("gpu-1", 300)
    with lab.database.write() as session:
        assert sweep(session) == [uid]
    assert lab.status(uid) == "crashed"

    assert host.beat(job).cancelled == []

    assert lab.status(uid) == "running"
    assert host.end(job).status == "completed"


@SQLITE_ONLY
def test_a_paused_run_whose_worker_comes_back_is_paused_still(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)
    lab.people.pause(uid)
    lab.silence("gpu-1", 300)
    with lab.database.write() as session:
        sweep(session)
    assert lab.status(uid) == "crashed"

    told = host.beat(job)

    assert (told.paused, told.cancelled, lab.status(uid)) == ([uid], [], "paused")
    lab.people.resume(uid)
    assert host.beat(job).paused == []
    # Given up once more, now that it runs: it is not paused for having been so before.
    lab.silence("gpu-1", 300)
    with lab.database.write() as session:
        sweep(session)
    assert host.beat(job).paused == []
    assert lab.status(uid) == "running"


@SQLITE_ONLY
def test_the_true_end_of_a_run_that_was_given_up_replaces_the_crash(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)
    lab.silence("gpu-1", 300)
    lab.host("gpu-2").beat()
    assert lab.status(uid) == "crashed"

    host.end(job, RunOutcome.FAILED, exit_code=1, message="CUDA out of memory")

    shown = lab.people.get_experiment(uid)
    assert (shown["status"], shown["exit_code"], shown["message"]) == ("failed", 1, "CUDA out of memory")


@SQLITE_ONLY
def test_a_heartbeat_that_was_on_its_way_revives_no_run_whose_crash_was_told(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)
    host.end(job, RunOutcome.CRASHED, message="It was ended by SIGKILL.")

    assert host.beat(job).cancelled == [uid]

    shown = lab.people.get_experiment(uid)
    assert (shown["status"], shown["message"]) == ("crashed", "It was ended by SIGKILL.")


@SQLITE_ONLY
def test_a_crash_that_is_told_of_a_run_that_was_given_up_says_why_it_was(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)
    lab.silence("gpu-1", 300)
    with lab.database.write() as session:
        sweep(session)
    host.end(job, RunOutcome.CRASHED, message="It was ended by SIGKILL.")
    assert host.beat(job).cancelled == [uid]
    assert lab.people.get_experiment(uid)["message"] == "It was ended by SIGKILL."


def test_what_a_stale_attempt_says_is_refused(lab):
    slow, quick = lab.host("slow"), lab.host("quick")
    uid = lab.submit_one()
    stale = slow.take()
    lab.silence("slow", 120)
    job = quick.take()
    assert job.attempt == 2

    for tell in (
        lambda: slow.start(stale),
        lambda: slow.client.send_log(uid, 1, 0, b"x"),
        lambda: slow.client.send_metrics(uid, 1, 0, b"{}\n"),
        lambda: slow.end(stale),
        lambda: slow.client.complete(uid, 2, RunOutcome.COMPLETED),
    ):
        with pytest.raises(ConflictError):
            tell()
    assert slow.beat(stale).cancelled == [uid]
    assert quick.run(job).status == "completed"


@SQLITE_ONLY
def test_a_run_that_its_worker_no_longer_knows_has_crashed(lab):
    host = lab.host()
    uid = lab.submit_one()
    host.start(host.take())
    host.beat()
    assert lab.status(uid) == "running"  # This heartbeat may have left before the run began.

    with lab.database.write() as session:
        row: Experiment = experiments.experiment_of(session, uid)
        row.started = utc_now() - timedelta(seconds=31)
    host.beat()

    assert lab.status(uid) == "crashed"


def test_what_waits_too_long_expires_and_what_was_taken_does_not(lab):
    short, taken = lab.submit_one(expires_in_seconds=600), lab.submit_one(expires_in_seconds=600, priority="high")
    host = lab.host()
    assert host.take().experiment.uid == taken
    with lab.database.write() as session:
        for uid in (short, taken):
            experiments.experiment_of(session, uid).expires = utc_now() - timedelta(seconds=1)

    with lab.database.write() as session:
        assert sweep(session) == [short]

    assert [lab.status(uid) for uid in (short, taken)] == ["expired", "assigned"]
    with refused(409):
        lab.people.resume(short)


@SQLITE_ONLY
def test_what_is_held_back_or_paused_is_given_to_nobody(lab):
    held, paused = lab.submit_one(hold=True), lab.submit_one()
    lab.people.pause(paused)
    host = lab.host()
    assert [lab.status(uid) for uid in (held, paused)] == ["pending", "paused"]
    assert host.take() is None

    lab.people.resume(paused)
    lab.people.resume(held)

    assert host.take().experiment.uid == held


@SQLITE_ONLY
def test_a_running_one_is_held_still_and_goes_on_in_the_same_attempt(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)

    lab.people.pause(uid)
    assert host.beat(job).paused == [uid]
    lab.people.resume(uid)
    told = host.beat(job)

    assert (told.paused, told.cancelled, lab.status(uid)) == ([], [], "running")
    assert host.end(job).attempt == 1


@SQLITE_ONLY
def test_a_cancelled_run_is_told_to_end_and_stays_cancelled(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    host.start(job)

    lab.people.cancel(uid)

    assert host.beat(job).cancelled == [uid]
    assert host.end(job, RunOutcome.COMPLETED, exit_code=0).status == "cancelled"
    with refused(409):
        lab.people.resume(uid)


@SQLITE_ONLY
def test_one_that_was_taken_and_not_started_is_cancelled_for_its_worker_too(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    lab.people.cancel(uid)

    with refused(409):
        host.start(job)
    assert host.beat(job).cancelled == [uid]
    assert host.take(job) is None


@SQLITE_ONLY
def test_pausing_one_that_was_not_started_takes_it_from_its_worker(lab):
    host = lab.host()
    uid = lab.submit_one()
    job = host.take()
    lab.people.pause(uid)

    with refused(409):
        host.start(job)
    lab.people.resume(uid)
    assert host.take().attempt == 2


@SQLITE_ONLY
def test_a_key_is_for_its_own_host_and_for_nothing_else(lab, make):
    first, second = lab.host("gpu-1"), lab.host("gpu-2")
    first.client.host_id = "gpu-2"
    with refused(403):
        first.client.next_job()
    first.host_id = "gpu-2"
    with refused(403):
        first.beat()
    with refused(403):
        ExperimentClient(URL, second.token, transport=lab.transport).list_experiments()
    with refused(403):
        ExperimentClient(URL, second.token, transport=lab.transport).submit(CONFIG)
    http = make.client_with(second.token)
    for path in ("/v2/projects/", "/v2/tokens/", "/v2/users/me/", "/v2/tasks/"):
        assert http.get(path).status_code in (403, 404), path
    assert http.get("/api/components/versions").status_code == 200
    assert make.client.post("/api/devices/heartbeat", json={"host_id": "gpu-2"}).status_code == 403


@SQLITE_ONLY
def test_a_host_that_joins_again_gets_a_new_key_and_the_former_opens_nothing(lab):
    first = lab.host()
    again = lab.host()

    with refused(401):
        first.beat()
    again.beat()
    assert len(lab.people.list_devices()) == 1


@SQLITE_ONLY
def test_a_workers_key_is_listed_and_revoked_as_any_other(lab, client):
    host = lab.host()
    (token,) = [each for each in client.get("/v2/tokens/").json()["data"] if each["name"] == "worker gpu-1"]
    assert token["scopes"] == []

    client.delete(f"/v2/tokens/{token['id']}/")

    for ask in (host.beat, host.take):
        with refused(401):
            ask()


@SQLITE_ONLY
def test_the_servers_worker_gives_up_silent_devices_when_nobody_asks(lab, settings):
    host = lab.host()
    uid = lab.submit_one()
    host.start(host.take())
    lab.silence("gpu-1", 61)

    queue = JobQueue(settings)
    Housekeeping(lab.database, settings, queue).reconcile()
    queue.close()

    assert lab.status(uid) == "crashed"


@SQLITE_ONLY
def test_somebody_elses_host_is_not_taken_over(lab, make):
    project = make.project()
    keys = [
        make.user(project=project, role=role)[1].headers["Authorization"].split()[1] for role in ("manager", "manager")
    ]
    mine, theirs = (ExperimentClient(URL, key, transport=lab.transport) for key in keys)
    host = lab.host("shared", mine)

    with refused(409):
        theirs.enrol_device("shared")
    host.beat()


@SQLITE_ONLY
def test_a_heartbeat_is_what_the_list_of_devices_shows(lab):
    host = lab.host()
    job = host.take() if lab.submit() else None
    host.beat(
        job,
        cpu_percent=12.5,
        memory_total_bytes=64 * 2**30,
        gpus=[{"index": 0, "name": "H100", "utilization_percent": 97.0, "memory_used_bytes": 1}],
        torch_version="2.13.0",
        code_version={"git_hash": "abc", "git_dirty": True, "branch": "main"},
    )

    (device,) = lab.people.list_devices()
    assert device["report"]["gpus"][0]["name"] == "H100"
    assert device["report"]["code_version"]["branch"] == "main"
    assert device["active_jobs"] == [job.experiment.uid]
    lab.people.enrol_device("never-heard")
    assert {each["host_id"]: each["report"] for each in lab.people.list_devices()}["never-heard"] is None
