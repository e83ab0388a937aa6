"""Experiments as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence

from synapse_sdk.wire import experiments as wire
from web_helper.backend.core.problems import NotFoundProblem, ValidationProblem
from web_helper.backend.models import RANKS, Experiment
from web_helper.backend.queries.experiments import experiments as queries
from web_helper.backend.queries.experiments.experiments import ExperimentRow
from web_helper.backend.services.call import Call

MAX_LISTED = 500
_PRIORITIES = {rank: priority for priority, rank in RANKS.items()}


def find_experiment(call: Call, uid: str, *, with_documents: bool = False) -> Experiment:
    """One experiment.

    Raises:
        NotFoundProblem: There is none.
    """
    found = queries.experiment_of(call.session, uid, with_documents=with_documents)
    if found is None:
        raise NotFoundProblem.of("experiment", uid)
    return found


def show(call: Call, uid: str) -> wire.Experiment:
    """One experiment."""
    rows = queries.rows_of(call.session, [uid])
    if not rows:
        raise NotFoundProblem.of("experiment", uid)
    return shape(rows[0])


def show_all(call: Call, uids: Sequence[str]) -> list[wire.Experiment]:
    """Experiments, in this order."""
    found: dict[str, ExperimentRow] = {}
    for start in range(0, len(uids), MAX_LISTED):
        found |= {row.experiment.uid: row for row in queries.rows_of(call.session, uids[start : start + MAX_LISTED])}
    return [shape(found[uid]) for uid in uids]


def list_experiments(
    call: Call,
    *,
    status: str | None,
    project: str | None,
    device: str | None,
    before: str | None,
    limit: int,
) -> list[wire.Experiment]:
    """Experiments, the newest first; `before` is the last one of the former page."""
    before_id = None if before is None else queries.id_of(call.session, before)
    if before is not None and before_id is None:
        raise NotFoundProblem.of("experiment", before)
    rows = queries.list_rows(
        call.session,
        statuses=None if status is None else _parse_statuses(status),
        project=project,
        host_id=device,
        before=before_id,
        limit=limit,
    )
    return [shape(row) for row in rows]


def show_detail(call: Call, uid: str) -> wire.ExperimentDetail:
    """One experiment with its components and its manifest."""
    shown = show(call, uid)
    experiment = find_experiment(call, uid, with_documents=True)
    return wire.ExperimentDetail(
        **shown.model_dump(),
        components=_recorded(queries.components_of(call.session, experiment)),
        manifest=manifest_of(experiment),
    )


def show_config(call: Call, uid: str) -> wire.ExperimentConfig:
    """What an experiment was configured with."""
    experiment = find_experiment(call, uid, with_documents=True)
    submission = queries.submission_of(call.session, experiment.submission_id)
    return wire.ExperimentConfig(
        config=experiment.config, sha256=experiment.config_sha256, submitted=submission.config, file=submission.file
    )


def show_job(call: Call, uid: str) -> wire.ExperimentJob:
    """An experiment as its worker needs it."""
    shown = show(call, uid)
    experiment = find_experiment(call, uid, with_documents=True)
    origin = None
    if experiment.reproduces is not None:
        origin = queries.experiment_of(call.session, experiment.reproduces, with_documents=True)
    return wire.ExperimentJob(
        experiment=shown,
        attempt=experiment.attempt,
        config=experiment.config,
        config_sha256=experiment.config_sha256,
        seed=experiment.seed,
        components=_recorded(queries.components_of(call.session, experiment)),
        reproduces=None if origin is None else manifest_of(origin),
    )


def manifest_of(experiment: Experiment) -> wire.ExperimentManifest | None:
    """What was recorded when the run began; None when it never did."""
    return None if experiment.manifest is None else wire.ExperimentManifest.model_validate(experiment.manifest)


def shape(row: ExperimentRow) -> wire.Experiment:
    """One row as the API shows it."""
    experiment = row.experiment
    return wire.Experiment(
        uid=experiment.uid,
        name=experiment.name,
        project=experiment.project,
        status=wire.ExperimentStatus(experiment.status),
        priority=_PRIORITIES[experiment.rank],
        wanted_device=experiment.wanted_device,
        device=row.host_id,
        attempt=experiment.attempt,
        seed=experiment.seed,
        grid=experiment.grid,
        grid_size=row.grid_size,
        choices=[wire.GridChoice(key=key, value=value) for key, value in experiment.choices.items()],
        reproduces=experiment.reproduces,
        user=row.email,
        message=experiment.message,
        exit_code=experiment.exit_code,
        component_count=len(row.components),
        created_at=experiment.created,
        started_at=experiment.started,
        finished_at=experiment.finished,
        expires_at=experiment.expires,
    )


def _recorded(components: dict[str, dict[str, str]]) -> dict[str, wire.RecordedComponent]:
    return {path: wire.RecordedComponent(**each) for path, each in components.items()}


def _parse_statuses(text: str) -> list[wire.ExperimentStatus]:
    try:
        return [wire.ExperimentStatus(each.strip()) for each in text.split(",") if each.strip()]
    except ValueError as exc:
        names = ", ".join(wire.ExperimentStatus)
        raise ValidationProblem.of_field("status", f"{text!r} is none of {names}.") from exc
