"""Experiments as people see them: submit, list, compare, end, run again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Query, Request

from synapse_sdk.wire.components import ComponentEnvelope, ExperimentUid
from synapse_sdk.wire.devices import HostId
from synapse_sdk.wire.experiments import (
    Experiment,
    ExperimentComparison,
    ExperimentConfig,
    ExperimentDetail,
    ExperimentPreview,
    ExperimentReproduce,
    ExperimentSubmit,
    GridMove,
    GridMoved,
    Label,
    MetricCurves,
    MetricPoints,
)
from web_helper.backend.api.context import Reading, ReadingActor, Writing, WritingActor, begin_call, database_of
from web_helper.backend.api.experiments.answers import Uid, answer, create_api_router
from web_helper.backend.services.experiments import comparing, freezing, moving, reading, streams, submitting
from web_helper.backend.services.experiments.screens import curves, previewing
from web_helper.backend.services.experiments.transitions import Event

router = create_api_router("experiments")
_UNPROCESSABLE: dict[int | str, dict[str, Any]] = {
    422: {
        "description": "The config needs something that is nowhere; file and line are named.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorResponse"}}},
    }
}


@router.post("", operation_id="experiments_submit", status_code=HTTPStatus.CREATED, responses=_UNPROCESSABLE)
def submit(request: Request, actor: WritingActor, body: ExperimentSubmit) -> ComponentEnvelope[list[Experiment]]:
    """Submit a config: one experiment for each combination of its lists, their versions frozen together."""
    database = database_of(request)
    # The config is read before the transaction: meanwhile others may write.
    with begin_call(request, actor, database.snapshot()) as call:
        submitting.require_submitter(call)
        uids = submitting.find_made(call, body.key)
        runs = [] if uids else freezing.freeze(call, body)
    with begin_call(request, actor, database.write()) as call:
        uids = uids or submitting.add_grid(call, body, runs)
    with begin_call(request, actor, database.read()) as call:
        return answer(reading.show_all(call, uids), f"{len(uids)} submitted.")


@router.post("/preview", operation_id="experiments_preview")
def preview(request: Request, actor: ReadingActor, body: ExperimentSubmit) -> ComponentEnvelope[ExperimentPreview]:
    """What submitting this would make, or every line that keeps it from running; nothing is written."""
    with begin_call(request, actor, database_of(request).snapshot()) as call:
        return answer(previewing.preview(call, body))


@router.get("", operation_id="experiments_list")
def list_experiments(
    call: Reading,
    status: Annotated[str | None, Query(description="Only in these states, several with commas.")] = None,
    project: Label | None = None,
    device: Annotated[HostId | None, Query(description="Only those that this host runs or ran.")] = None,
    *,
    before: Annotated[ExperimentUid | None, Query(description="Only those older than this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=reading.MAX_LISTED)] = 50,
) -> ComponentEnvelope[list[Experiment]]:
    """Experiments, the newest first."""
    found = reading.list_experiments(call, status=status, project=project, device=device, before=before, limit=limit)
    return answer(found)


# Before the routes with a uid, which would take `compare` for one.
@router.get("/compare", operation_id="experiments_compare")
def compare(call: Reading, a: ExperimentUid, b: ExperimentUid) -> ComponentEnvelope[ExperimentComparison]:
    """How two experiments differ."""
    return answer(comparing.compare(call, a, b))


@router.get("/{uid}", operation_id="experiments_read")
def read_experiment(call: Reading, uid: Uid) -> ComponentEnvelope[ExperimentDetail]:
    """One experiment, its frozen components, and what was recorded when it began."""
    return answer(reading.show_detail(call, uid))


@router.get("/{uid}/config", operation_id="experiments_config")
def read_config(call: Reading, uid: Uid) -> ComponentEnvelope[ExperimentConfig]:
    """The config of this run, and what was submitted."""
    return answer(reading.show_config(call, uid))


@router.get("/{uid}/metrics", operation_id="experiments_metrics_read")
def read_metrics(
    call: Reading, uid: Uid, offset: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> ComponentEnvelope[MetricPoints]:
    """Rows of its metrics from an offset on."""
    return answer(streams.read_metrics(call, uid, offset))


@router.get("/{uid}/curves", operation_id="experiments_curves")
def read_curves(
    call: Reading, uid: Uid, points: Annotated[int, Query(ge=10, le=2000)] = 500
) -> ComponentEnvelope[MetricCurves]:
    """Its metrics as curves of about so many points, however many rows there are."""
    return answer(curves.read_curves(call, uid, points))


@router.post("/{uid}/cancel", operation_id="experiments_cancel")
def cancel(call: Writing, uid: Uid) -> ComponentEnvelope[Experiment]:
    """End it; its worker is told with its next heartbeat."""
    return _act(call, uid, Event.CANCEL)


@router.post("/{uid}/pause", operation_id="experiments_pause")
def pause(call: Writing, uid: Uid) -> ComponentEnvelope[Experiment]:
    """Take it out of the queue, or hold its run still."""
    return _act(call, uid, Event.PAUSE)


@router.post("/{uid}/resume", operation_id="experiments_resume")
def resume(call: Writing, uid: Uid) -> ComponentEnvelope[Experiment]:
    """Let it go on: a run that is held still, or one that waits outside the queue."""
    return _act(call, uid, Event.RESUME)


@router.post("/{uid}/grid", operation_id="experiments_move_grid")
def move_grid(call: Writing, uid: Uid, body: GridMove) -> ComponentEnvelope[GridMoved]:
    """Do it to every run that was submitted with this one; those whose state does not allow it stay."""
    return answer(moving.act_on_grid(call, uid, Event(body.act)))


@router.post("/{uid}/reproduce", operation_id="experiments_reproduce", status_code=HTTPStatus.CREATED)
def reproduce(call: Writing, uid: Uid, body: ExperimentReproduce) -> ComponentEnvelope[Experiment]:
    """Run it again, with exactly its components, config and seed."""
    return answer(reading.show(call, submitting.reproduce(call, uid, body)))


def _act(call: Writing, uid: Uid, event: Event) -> ComponentEnvelope[Experiment]:
    moving.act(call, uid, event)
    call.session.flush()
    return answer(reading.show(call, uid))
