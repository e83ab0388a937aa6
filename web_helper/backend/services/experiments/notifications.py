"""Conflicts on devices: asked about once, kept until somebody answers, answered until they are carried out."""

from __future__ import annotations

import hashlib

from synapse_sdk.wire import devices as wire
from synapse_sdk.wire.devices import NotificationStatus, Resolution
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Device, DeviceConflict
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.components import blobs
from web_helper.backend.queries.experiments import devices as queries
from web_helper.backend.queries.experiments.devices import ConflictRow
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.changes import check_path, require_component_author

MAX_LISTED = 500
SUPERSEDED = "The file has changed since; the conflict was asked about anew."


def report(call: Call, device: Device, body: wire.ConflictReport) -> wire.Notification:
    """Ask people about a conflict. The same again is the same question, with its answer if there is one."""
    path = str(check_path(body.path))
    _check_content(body)
    fingerprint = hashlib.sha256(f"{path}\n{body.local_sha256}\n{body.server_sha256}".encode()).hexdigest()
    for older in queries.pending_at(call.session, device.id, path):
        if older.fingerprint != fingerprint:
            older.status, older.outcome = NotificationStatus.FAILED, SUPERSEDED
    same = queries.same_conflict(call.session, device.id, fingerprint)
    if same is not None:
        if body.local_content is not None:
            same.conflict.local_content = body.local_content
        if _is_new_again(same.conflict):
            same.conflict.status, same.conflict.resolution = NotificationStatus.PENDING, None
            same.conflict.outcome, same.conflict.answered_at = "", None
        call.session.flush()
        return shape(same)
    row = DeviceConflict(device_id=device.id, fingerprint=fingerprint, **body.model_dump())
    row.path = path
    call.session.add(row)
    call.session.flush()
    return shape(ConflictRow(row, device.host_id, None))


def list_notifications(call: Call, *, pending: bool) -> list[wire.Notification]:
    """Questions, the newest first: those that nobody has answered, or all."""
    status = NotificationStatus.PENDING if pending else None
    return [shape(row) for row in queries.list_conflicts(call.session, status=status, limit=MAX_LISTED)]


def show_detail(call: Call, notification_id: int) -> wire.NotificationDetail:
    """One question with both sides of it."""
    found = queries.shown_conflict(call.session, notification_id) if 0 < notification_id < 2**63 else None
    if found is None:
        raise NotFoundProblem.of("notification", notification_id)
    digest = found.conflict.server_sha256
    content = None if digest is None else blobs.contents_of(call.session, [digest]).get(digest)
    return wire.NotificationDetail(
        **shape(found).model_dump(),
        local_content=found.conflict.local_content,
        server_content=None if content is None else content.decode(),
    )


def answer(call: Call, notification_id: int, resolution: Resolution) -> wire.Notification:
    """Decide a conflict; its worker carries that out.

    Raises:
        ConflictProblem: It was decided otherwise, or the server has nothing that could be used.
    """
    require_component_author(call)
    conflict = _find(call, notification_id).conflict
    if resolution is Resolution.USE_SERVER and conflict.server_sha256 is None:
        # The worker could not carry that out, and would ask the same again.
        raise ConflictProblem(
            f"The server has no active version of {conflict.path}: upload the worker's (`use_local`), or `skip`."
        )
    if conflict.status == NotificationStatus.PENDING:
        conflict.status, conflict.resolution = NotificationStatus.ANSWERED, resolution
        conflict.user_id, conflict.answered_at = call.actor.user_id, utc_now()
        call.session.flush()
    elif conflict.resolution != resolution:
        decided = conflict.resolution or conflict.outcome
        raise ConflictProblem(f"Notification {notification_id} was decided already: {decided}")
    return shape(_find(call, notification_id))


def carried(call: Call, device: Device, notification_id: int, body: wire.AnswerCarried) -> wire.Notification:
    """What has come of a decision."""
    found = _find(call, notification_id)
    if found.conflict.device_id != device.id:
        raise NotFoundProblem.of("notification", notification_id)
    if found.conflict.status == NotificationStatus.PENDING:
        raise ConflictProblem(f"Nobody has decided notification {notification_id} yet.")
    if found.conflict.status == NotificationStatus.ANSWERED:
        found.conflict.status = NotificationStatus.DONE if body.is_done else NotificationStatus.FAILED
        found.conflict.outcome = body.message
        call.session.flush()
    return shape(found)


def shape(row: ConflictRow) -> wire.Notification:
    """One conflict as the API shows it."""
    conflict = row.conflict
    return wire.Notification(
        id=conflict.id,
        host_id=row.host_id,
        path=conflict.path,
        conflict_type=conflict.conflict_type,
        local_hash=conflict.local_hash,
        server_hash=conflict.server_hash,
        local_sha256=conflict.local_sha256,
        server_sha256=conflict.server_sha256,
        message=conflict.message,
        status=conflict.status,
        resolution=conflict.resolution,
        answered_by=row.email,
        outcome=conflict.outcome,
        created_at=conflict.created,
        answered_at=conflict.answered_at,
    )


def _check_content(body: wire.ConflictReport) -> None:
    # What people are shown is what their decision is about.
    content = body.local_content
    if content is not None and hashlib.sha256(content.encode()).hexdigest() != body.local_sha256:
        raise ValidationProblem.of_field("local_content", "is not what `local_sha256` names.")


def _is_new_again(conflict: DeviceConflict) -> bool:
    # What was to be skipped stays skipped for as long as both sides are the same.
    is_over = conflict.status in (NotificationStatus.DONE, NotificationStatus.FAILED)
    return is_over and conflict.resolution != Resolution.SKIP


def _find(call: Call, notification_id: int) -> ConflictRow:
    found = queries.conflict_of(call.session, notification_id) if 0 < notification_id < 2**63 else None
    if found is None:
        raise NotFoundProblem.of("notification", notification_id)
    return found
