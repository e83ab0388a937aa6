"""The queue: who is next, what a device holds, what nobody will run any more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from synapse_sdk.wire.experiments import ExperimentStatus
from web_helper.backend.models import Device, Experiment

WAITING = (ExperimentStatus.PENDING, ExperimentStatus.QUEUED)
HELD = (ExperimentStatus.ASSIGNED, ExperimentStatus.RUNNING, ExperimentStatus.PAUSED)
# Enough for every passing; the rest comes with the next.
MAX_SWEPT = 500


def next_queued(session: Session, host_id: str, *, without: Collection[str] = ()) -> Experiment | None:
    """The first in the queue that this host may run, locked: nobody else gets it (index: status, rank, id).

    Rows that another worker is just taking are passed over, not waited for.
    """
    may_run = or_(Experiment.wanted_device.is_(None), Experiment.wanted_device == host_id)
    query = select(Experiment).where(Experiment.status == ExperimentStatus.QUEUED, may_run)
    if without:
        query = query.where(Experiment.uid.not_in(without))
    return session.scalar(query.order_by(Experiment.rank, Experiment.id).limit(1).with_for_update(skip_locked=True))


def held_by(
    session: Session, device_id: int, statuses: Collection[ExperimentStatus] = HELD, *, without: Collection[str] = ()
) -> list[Experiment]:
    """What a device holds, oldest first, locked (index: device_id, status)."""
    query = select(Experiment).where(Experiment.device_id == device_id, Experiment.status.in_(statuses))
    if without:
        query = query.where(Experiment.uid.not_in(without))
    return list(session.scalars(query.order_by(Experiment.id).with_for_update(of=Experiment)))


def given_to(session: Session, device_id: int, uids: Collection[str]) -> list[Experiment]:
    """Those of these experiments that a device was given last, locked (index: unique uid)."""
    query = select(Experiment).where(Experiment.uid.in_(uids), Experiment.device_id == device_id)
    query = query.order_by(Experiment.id)
    return list(session.scalars(query.with_for_update(of=Experiment)))


def active_uids(session: Session) -> dict[int, list[str]]:
    """What each device holds (index: status, rank, id)."""
    query = select(Experiment.device_id, Experiment.uid).where(Experiment.status.in_(HELD))
    found: dict[int, list[str]] = {}
    for device_id, uid in session.execute(query.order_by(Experiment.id)):
        if device_id is not None:
            found.setdefault(device_id, []).append(uid)
    return found


def held_by_silent(session: Session, heard_before: datetime) -> list[Experiment]:
    """What devices hold that have been silent since then (index: status, rank, id)."""
    query = select(Experiment).join(Device, Device.id == Experiment.device_id).where(Experiment.status.in_(HELD))
    silent = or_(Device.last_seen_at < heard_before, Device.last_seen_at.is_(None))
    query = query.where(silent).order_by(Experiment.id).limit(MAX_SWEPT)
    return list(session.scalars(query.with_for_update(of=Experiment, skip_locked=True)))


def overdue(session: Session, now: datetime) -> list[Experiment]:
    """What has waited for longer than it may (index: status, rank, id)."""
    query = select(Experiment).where(Experiment.status.in_(WAITING), Experiment.expires <= now)
    query = query.order_by(Experiment.id).limit(MAX_SWEPT)
    return list(session.scalars(query.with_for_update(of=Experiment, skip_locked=True)))
