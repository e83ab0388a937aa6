"""Pre-annotation runs and where annotations came from."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager

from fastapi import Request, Response

from synapse_sdk.wire.pages import Envelope
from synapse_sdk.wire.pre_annotations import (
    PreAnnotation,
    PreAnnotationOutcome,
    PreAnnotationResults,
    PreAnnotationRun,
    PreAnnotationRunCreate,
    PreAnnotationTasks,
    PreAnnotationTasksRequest,
    PreAnnotationUndo,
    PreAnnotationUndoRequest,
)
from web_helper.backend.api.context import Reading, Signer, WritingActor, begin_call, database_of
from web_helper.backend.api.resource import Resource
from web_helper.backend.api.work.row_resource import file_url_of, json_answer
from web_helper.backend.queries.export_rows import encode
from web_helper.backend.queries.work.pre_annotations import PRE_ANNOTATIONS, RUNS
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.work import pre_annotations as service
from web_helper.backend.services.work.pre_annotation_undo import undo_run

# OpenAPI has no place for definitions inside a schema: the items' own stands where they are.
_BATCH = PreAnnotationResults.model_json_schema()
_BATCH["properties"]["items"]["items"] = _BATCH.pop("$defs")["PreAnnotationResult"]
_RESULTS_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _BATCH}}}}


def _provenance(_call: Call, row: object) -> dict[str, object]:
    run = row.run  # type: ignore[attr-defined]  # Rows of this listing are `models.PreAnnotation`.
    return {name: getattr(row if hasattr(row, name) else run, name) for name in PreAnnotation.model_fields}


_runs = Resource("pre_annotation_runs", RUNS, PreAnnotationRun, id_type=str)
_runs.listed()
_runs.created(service.create_run, PreAnnotationRunCreate)
_runs.read()

_rows = Resource("pre_annotations", PRE_ANNOTATIONS, PreAnnotation, present=_provenance)
_rows.listed()
_rows.read()

router = _runs.router
router.routes.extend(_rows.router.routes)


@router.post("/pre_annotation_runs/{run_id}/tasks/", response_model=PreAnnotationTasks)
def read_tasks(call: Reading, signer: Signer, run_id: str, body: PreAnnotationTasksRequest) -> Response:
    """The next tasks of a run by id, with their files and small annotation files; an empty page is the end."""
    run = service.find_run(call, run_id)
    return json_answer(service.read_tasks(call, run, body, file_url_of(signer)))


@router.post(
    "/pre_annotation_runs/{run_id}/results/", response_model=list[PreAnnotationOutcome], openapi_extra=_RESULTS_BODY
)
async def submit_results(request: Request, actor: WritingActor, run_id: str) -> Response:
    """Annotations of up to 500 tasks, each taken or refused by itself; the same again changes nothing."""
    items = service.decode_results(await request.body())
    return await asyncio.to_thread(_store, request, actor, run_id, items)


def _store(request: Request, actor: Actor, run_id: str, items: list[service.ResultItem]) -> Response:
    with begin_call(request, actor, database_of(request).write()) as call:
        outcomes = service.submit_results(call, service.find_run(call, run_id), items)
    return json_answer(encode([outcome.model_dump() for outcome in outcomes]))


@router.post("/pre_annotation_runs/{run_id}/undo/", operation_id="v1_pre_annotation_runs_undo")
def undo_v1(request: Request, actor: WritingActor, run_id: str, body: PreAnnotationUndoRequest) -> PreAnnotationUndo:
    """Give tasks back what they had before the run; what people have changed since stays."""
    return _undo(request, actor, run_id, body)


@router.post("/v2/pre-annotation-runs/{run_id}/undo/", operation_id="v2_pre_annotation_runs_undo")
def undo_v2(
    request: Request, actor: WritingActor, run_id: str, body: PreAnnotationUndoRequest
) -> Envelope[PreAnnotationUndo]:
    """Give tasks back what they had before the run; what people have changed since stays."""
    answer = {"data": _undo(request, actor, run_id, body), "meta": {"request_id": request.state.request_id}}
    return Envelope[PreAnnotationUndo].model_validate(answer)


def _undo(request: Request, actor: Actor, run_id: str, body: PreAnnotationUndoRequest) -> PreAnnotationUndo:
    def transaction() -> AbstractContextManager[Call]:
        return begin_call(request, actor, database_of(request).write())

    return undo_run(transaction, run_id, body.after_id)
