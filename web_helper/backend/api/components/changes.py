"""Change sets of components, their record, and what experiments ran with."""

from __future__ import annotations

from typing import Annotated

from fastapi import BackgroundTasks, Path, Query, Request, Response

from synapse_sdk.wire.components import (
    ChangeSetKind,
    ComponentActivateSet,
    ComponentAlias,
    ComponentChangeRecord,
    ComponentChangeSet,
    ComponentEnvelope,
    ComponentManifest,
    ComponentManifestSaved,
    ComponentRollback,
    ComponentSetActivated,
    ComponentUndo,
    ExperimentUid,
    Hash,
)
from web_helper.backend.api.components.answers import answer, create_component_router, pack_afterwards, plain_answer
from web_helper.backend.api.context import SharedReading, SharedWriting, Writing
from web_helper.backend.services.components import reading, store

router = create_component_router()

Uid = Annotated[ExperimentUid, Path(description="The experiment.")]


@router.get("/aliases", operation_id="components_aliases_list")
def list_aliases(call: SharedReading, path: str | None = None) -> ComponentEnvelope[list[ComponentAlias]]:
    """Where aliases point: `active`, and others like `stable`."""
    return answer(reading.list_aliases(call, path))


@router.get("/changes", operation_id="components_changes_list")
def list_changes(
    call: SharedReading,
    path: str | None = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="Only sets older than this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=reading.MAX_RECORDS)] = 50,
) -> ComponentEnvelope[list[ComponentChangeRecord]]:
    """Who changed what, when and why: the newest first, of one path or of all."""
    return answer(reading.list_changes(call, path, before, limit))


@router.post(
    "/changes", operation_id="components_changes_create", response_model=ComponentEnvelope[ComponentChangeRecord]
)
def change(call: SharedWriting, request: Request, tasks: BackgroundTasks, body: ComponentChangeSet) -> Response:
    """Add versions and move aliases: the whole set or nothing, and nothing when an `expected` does not hold (409)."""
    outcome = store.change(call, body)
    pack_afterwards(request, tasks, outcome)
    return plain_answer(reading.show_outcome(call, outcome, ChangeSetKind.CHANGE))


@router.post(
    "/changes/{change_set_id}/rollback",
    operation_id="components_changes_rollback",
    response_model=ComponentEnvelope[ComponentChangeRecord],
)
def undo(call: Writing, change_set_id: int, body: ComponentUndo) -> Response:
    """Point every alias that a change set moved to where it was; 409 when one was moved again since."""
    outcome = store.undo_change_set(call, change_set_id, body.reason)
    return plain_answer(reading.show_outcome(call, outcome, ChangeSetKind.ROLLBACK))


@router.post("/changes/{change_set_id}/activate", operation_id="components_changes_activate")
def activate(call: Writing, change_set_id: int, body: ComponentActivateSet) -> ComponentEnvelope[ComponentSetActivated]:
    """Point `active`, or another alias, to every version that a change set pointed one to: all of them, or none."""
    return answer(store.activate_set(call, change_set_id, body))


@router.post("/rollback", operation_id="components_rollback", response_model=ComponentEnvelope[ComponentChangeRecord])
def roll_back(call: Writing, body: ComponentRollback) -> Response:
    """Activate, for each path, the version that was active before: all of them, or none (409)."""
    return plain_answer(reading.show_outcome(call, store.roll_back(call, body), ChangeSetKind.ROLLBACK))


@router.get("/manifest/{experiment_uid}", operation_id="components_manifest_read")
def read_manifest(call: SharedReading, experiment_uid: Uid) -> ComponentEnvelope[ComponentManifest]:
    """The versions that an experiment ran with."""
    return answer(reading.read_manifest(call, experiment_uid))


@router.post("/manifest/{experiment_uid}", operation_id="components_manifest_save")
def save_manifest(
    call: SharedWriting, experiment_uid: Uid, body: dict[str, Hash]
) -> ComponentEnvelope[ComponentManifestSaved]:
    """Keep the versions that an experiment runs with; the same again is fine, another set is refused (409)."""
    count = reading.save_manifest(call, experiment_uid, body)
    return answer(ComponentManifestSaved(experiment_uid=experiment_uid, component_count=count))
