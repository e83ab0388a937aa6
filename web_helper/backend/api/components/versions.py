"""Component versions: read, add, activate, scan, compare."""

from __future__ import annotations

from fastapi import BackgroundTasks, Request

from synapse_sdk.wire.components import (
    ComponentActivate,
    ComponentDiff,
    ComponentDiffRequest,
    ComponentEnvelope,
    ComponentScan,
    ComponentSummary,
    ComponentUpload,
    ComponentUploaded,
    ComponentVersion,
    VersionStory,
    VersionUse,
)
from web_helper.backend.api.components.answers import answer, create_component_router, pack_afterwards
from web_helper.backend.api.context import (
    Reading,
    SharedReading,
    Writing,
    WritingActor,
    begin_call,
    database_of,
    settings_of,
)
from web_helper.backend.services.components import disk, reading, store, stories
from web_helper.backend.services.components.changes import require_component_author

router = create_component_router()


@router.get("/versions", operation_id="components_versions_list")
def list_versions(call: SharedReading) -> ComponentEnvelope[list[ComponentSummary]]:
    """Every component, with its active version's hash."""
    return answer(reading.list_components(call))


# Before the routes with a category, which would take `hash` for one.
@router.get("/versions/hash/{version_hash}", operation_id="components_versions_read")
def read_version(
    call: SharedReading, version_hash: str, path: str | None = None
) -> ComponentEnvelope[ComponentVersion]:
    """One version with its content, by its hash; `path` tells apart what a hash alone does not."""
    return answer(reading.read_version(call, version_hash, path))


@router.get("/versions/hash/{version_hash}/experiments", operation_id="components_versions_uses")
def list_uses(call: Reading, version_hash: str, path: str | None = None) -> ComponentEnvelope[list[VersionUse]]:
    """The experiments that ran with a version, the newest first."""
    return answer(stories.list_uses(call, version_hash, path))


@router.get("/stories/{category}/{name}", operation_id="components_story")
def read_story(call: Reading, category: str, name: str) -> ComponentEnvelope[list[VersionStory]]:
    """A component's versions, the newest first: who brought each, when and why, and what ran with it."""
    return answer(stories.tell_story(call, category, name))


@router.get("/versions/{category}", operation_id="components_versions_list_category")
def list_category(call: SharedReading, category: str) -> ComponentEnvelope[list[ComponentSummary]]:
    """The components of a category."""
    return answer(reading.list_components(call, category))


@router.get("/versions/{category}/{name}", operation_id="components_versions_history")
def read_history(
    call: SharedReading,
    category: str,
    name: str,
    include_content: bool = False,  # noqa: FBT001, FBT002 - a query parameter
) -> ComponentEnvelope[list[ComponentVersion]]:
    """The versions of a component, the newest first."""
    return answer(reading.read_history(call, category, name, with_content=include_content))


@router.post("/versions/upload", operation_id="components_versions_upload")
def upload(call: Writing, body: ComponentUpload) -> ComponentEnvelope[ComponentUploaded]:
    """Store a content at a path and make it the active version; a content that is there is not stored again."""
    version, is_new = store.upload(call, body)
    shown = reading.show_versions(call, [version])[0]
    uploaded = ComponentUploaded(is_new=is_new, **shown.model_dump(include={*ComponentUploaded.model_fields}))
    return answer(uploaded, "Added." if is_new else "This content was there already.")


@router.post("/versions/activate", operation_id="components_versions_activate")
def activate(call: Writing, body: ComponentActivate) -> ComponentEnvelope[ComponentVersion]:
    """Make a version the active one of its path: forward, or back."""
    version = store.activate(call, body)
    return answer(reading.show_versions(call, [version])[0], "Active.")


@router.post("/versions/diff", operation_id="components_versions_diff")
def diff(call: SharedReading, body: ComponentDiffRequest) -> ComponentEnvelope[ComponentDiff]:
    """Two versions beside each other."""
    return answer(reading.diff(call, body))


@router.post("/versions/scan", operation_id="components_versions_scan")
def scan(request: Request, tasks: BackgroundTasks, actor: WritingActor) -> ComponentEnvelope[ComponentScan]:
    """Add what is new in the server's own folder, in one transaction; what cannot be stored is named in the message."""
    with begin_call(request, actor, database_of(request).read()) as call:
        require_component_author(call)
    # Files are read before the transaction: meanwhile others may write.
    found = disk.find_files(settings_of(request).component_dir)
    with begin_call(request, actor, database_of(request).write()) as call:
        outcome = store.register_scan(call, found)
    pack_afterwards(request, tasks, outcome)
    counts = f"{len(found.files)} files, {len(outcome.added)} new."
    return answer(
        ComponentScan(registered=len(outcome.added)), " ".join([counts, *map("Refused: {}".format, found.refused)])
    )
