"""Experiments: one, a list of them, and what they were submitted as."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session, undefer

from synapse_sdk.wire.experiments import ExperimentStatus
from web_helper.backend.models import Device, Experiment, ExperimentComponentSet, ExperimentSubmission, User
from web_helper.backend.queries.data.upsert import insert_missing


class ExperimentRow(NamedTuple):
    """An experiment with the names of what it refers to."""

    experiment: Experiment
    grid_size: int
    host_id: str | None
    email: str | None
    components: dict[str, dict[str, str]]


def experiment_of(session: Session, uid: str, *, with_documents: bool = False) -> Experiment | None:
    """One experiment (index: unique uid)."""
    query = select(Experiment).where(Experiment.uid == uid)
    if with_documents:
        query = query.options(undefer(Experiment.config), undefer(Experiment.manifest))
    return session.scalar(query)


def locked_experiment(session: Session, uid: str) -> Experiment | None:
    """One experiment, locked until the transaction ends, with its manifest (index: unique uid)."""
    query = select(Experiment).where(Experiment.uid == uid).options(undefer(Experiment.manifest))
    return session.scalar(query.with_for_update(of=Experiment))


def locked_grid(session: Session, uid: str) -> list[Experiment]:
    """All runs that were submitted with this one, locked until the end (indexes: unique uid; submission_id).

    In one order: two people who act on a grid by different runs of it would deadlock.
    """
    submission = select(Experiment.submission_id).where(Experiment.uid == uid).scalar_subquery()
    query = select(Experiment).where(Experiment.submission_id == submission).order_by(Experiment.id)
    return list(session.scalars(query.with_for_update(of=Experiment)))


def rows_of(session: Session, uids: Sequence[str]) -> list[ExperimentRow]:
    """Experiments as they are shown, in this order (index: unique uid)."""
    found = {row.experiment.uid: row for row in _read(session, _shown().where(Experiment.uid.in_(uids)))}
    return [found[uid] for uid in uids if uid in found]


def list_rows(
    session: Session,
    *,
    statuses: Collection[ExperimentStatus] | None,
    project: str | None,
    host_id: str | None,
    before: int | None,
    limit: int,
) -> list[ExperimentRow]:
    """Experiments, the newest first (primary key)."""
    query = _shown().order_by(Experiment.id.desc()).limit(limit)
    if statuses is not None:
        query = query.where(Experiment.status.in_(statuses))
    if project is not None:
        query = query.where(Experiment.project == project)
    if host_id is not None:
        query = query.where(Device.host_id == host_id)
    if before is not None:
        query = query.where(Experiment.id < before)
    return _read(session, query)


def id_of(session: Session, uid: str) -> int | None:
    """The number of an experiment, by which lists go on (index: unique uid)."""
    return session.scalar(select(Experiment.id).where(Experiment.uid == uid))


def components_of(session: Session, experiment: Experiment) -> dict[str, dict[str, str]]:
    """The versions that were frozen for an experiment (primary key)."""
    found: dict[str, dict[str, str]] = session.get_one(ExperimentComponentSet, experiment.component_set).components
    return found


def submission_of(session: Session, submission_id: int) -> ExperimentSubmission:
    """What an experiment was submitted as, with its config (primary key)."""
    return session.get_one(ExperimentSubmission, submission_id, options=[undefer(ExperimentSubmission.config)])


def uids_of_key(session: Session, key: str) -> list[str]:
    """The experiments that a key has made (indexes: unique key; submission_id)."""
    query = select(Experiment.uid).join(ExperimentSubmission, ExperimentSubmission.id == Experiment.submission_id)
    return list(session.scalars(query.where(ExperimentSubmission.key == key).order_by(Experiment.grid)))


def add_component_sets(session: Session, sets: Mapping[str, Any]) -> None:
    """Frozen versions by their digest; those that are there stay."""
    rows = [{"sha256": digest, "components": components} for digest, components in sets.items()]
    session.execute(insert_missing(session, ExperimentComponentSet), rows)


def add_experiments(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """New experiments, in their order."""
    table: Any = Experiment.__table__
    session.execute(insert(table), list(rows))


def _shown() -> Select[Any]:
    return (
        select(
            Experiment,
            ExperimentSubmission.grid_size,
            Device.host_id,
            User.email,
            ExperimentComponentSet.components,
        )
        .join(ExperimentSubmission, ExperimentSubmission.id == Experiment.submission_id)
        .join(ExperimentComponentSet, ExperimentComponentSet.sha256 == Experiment.component_set)
        .join(Device, Device.id == Experiment.device_id, isouter=True)
        .join(User, User.id == Experiment.user_id, isouter=True)
    )


def _read(session: Session, query: Select[Any]) -> list[ExperimentRow]:
    return [ExperimentRow(*row) for row in session.execute(query)]
