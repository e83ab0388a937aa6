"""The queue as devices see it: heartbeats, the next job, and what becomes of jobs whose device is silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from synapse_sdk.wire.devices import HEALTHY_SECONDS, STALE_SECONDS, ConflictAnswer, DeviceStatus, Heartbeat
from synapse_sdk.wire.devices import HeartbeatAnswer as Answer
from synapse_sdk.wire.experiments import ExperimentStatus
from web_helper.backend.models import Device, DeviceConflict, Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import devices, queue
from web_helper.backend.services.experiments.moving import move
from web_helper.backend.services.experiments.transitions import Event

LOST = "Its worker does not know this run any more: it was restarted, or lost its folder."
EXPIRED = "No worker took it in time."


def classify(last_seen: datetime | None, now: datetime) -> DeviceStatus:
    """How a device is, from when it was heard last."""
    if last_seen is None or now - last_seen > timedelta(seconds=STALE_SECONDS):
        return DeviceStatus.DISCONNECTED
    return DeviceStatus.HEALTHY if now - last_seen <= timedelta(seconds=HEALTHY_SECONDS) else DeviceStatus.STALE


def sweep(session: Session) -> list[str]:
    """Let go of what silent devices hold, and of what has waited too long; what has changed."""
    now = utc_now()
    changed = []
    for experiment in queue.held_by_silent(session, now - timedelta(seconds=STALE_SECONDS)):
        move(experiment, Event.LOSE, f"Its worker was not heard from for {STALE_SECONDS} seconds.")
        changed.append(experiment.uid)
    for experiment in queue.overdue(session, now):
        move(experiment, Event.EXPIRE, EXPIRED)
        changed.append(experiment.uid)
    session.flush()
    return changed


def note_heartbeat(session: Session, device: Device, body: Heartbeat) -> Answer:
    """The device lives; what it holds is compared with what the server believes that it holds."""
    now = utc_now()
    device.last_seen_at = now
    device.report = body.model_dump(mode="json", exclude={"host_id", "active_jobs"})
    session.flush()
    attempts = {job.uid: job.attempt for job in body.active_jobs}
    told = queue.given_to(session, device.id, list(attempts))
    mine = [each for each in told if each.attempt == attempts[each.uid]]
    for experiment in mine:
        # This heartbeat may have left before its worker told of a crash, and arrive after that.
        if experiment.status == ExperimentStatus.CRASHED and not experiment.is_crash_told:
            # What people have paused is paused for them still: they were not there to see it come back.
            move(experiment, Event.RECOVER_PAUSED if experiment.was_paused else Event.RECOVER)
    _give_up(session, device, list(attempts), now)
    sweep(session)
    going_on = {each.uid for each in mine if each.status in queue.HELD}
    paused = {each.uid for each in mine if each.status == ExperimentStatus.PAUSED}
    return Answer(
        cancelled=[uid for uid in attempts if uid not in going_on],
        paused=[uid for uid in attempts if uid in paused],
        answers=[_shape(row) for row in devices.answers_for(session, device.id)],
    )


def claim_next(session: Session, device: Device, active: Sequence[str]) -> Experiment | None:
    """The next job for a device, which holds it from now on. One that it was given and does not know is given again."""
    device.last_seen_at = utc_now()
    session.flush()
    given = queue.held_by(session, device.id, (ExperimentStatus.ASSIGNED,), without=active)
    if given:
        return given[0]
    sweep(session)
    # What it has of an earlier attempt it must let go of first: both would be in one folder.
    experiment = queue.next_queued(session, device.host_id, without=active)
    if experiment is None:
        return None
    move(experiment, Event.CLAIM)
    experiment.device_id = device.id
    experiment.attempt += 1
    session.flush()
    return experiment


def _give_up(session: Session, device: Device, known: Sequence[str], now: datetime) -> None:
    running = (ExperimentStatus.RUNNING, ExperimentStatus.PAUSED)
    for experiment in queue.held_by(session, device.id, running, without=known):
        # A heartbeat may have left before its worker was given the job, and arrive after the run has begun.
        if experiment.started is not None and now - experiment.started > timedelta(seconds=HEALTHY_SECONDS):
            move(experiment, Event.LOSE, LOST)
    session.flush()


def _shape(row: DeviceConflict) -> ConflictAnswer:
    assert row.resolution is not None
    return ConflictAnswer(
        id=row.id,
        path=row.path,
        resolution=row.resolution,
        local_sha256=row.local_sha256,
        server_sha256=row.server_sha256,
    )
