"""The annotations of one task: read with a revision, saved against it, accepted or rejected.

A save that was sent twice, because its answer was lost, is answered as it was the first time.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from synapse_sdk.wire.labelling import ReviewTaskRequest, SaveAnnotationsRequest, SetDiscardedRequest
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import Assignment, PreAnnotation, Review, ReviewStatus, Role, Task, WorkStatus
from web_helper.backend.queries.labelling import cards, edits
from web_helper.backend.services.access import has_role, require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.pre_annotations import hash_of
from web_helper.backend.services.work.tasks import encode_for, find_task, note_edit, project_of


def read_annotations(call: Call, task_id: int) -> dict[str, Any]:
    """A task's annotations as `wire.labelling.TaskAnnotations`; the picture as the id of its file."""
    return _shown(call, find_task(call, task_id))


def save_annotations(call: Call, task_id: int, body: SaveAnnotationsRequest) -> dict[str, Any]:
    """Take a task's annotations, if they are still those that the sender began with.

    Raises:
        ConflictProblem: Someone else has changed them.
    """
    task = _lock(call, task_id, Role.ANNOTATOR)
    text = encode_for(project_of(call, task.project_id), body.data)
    if hash_of(text) != hash_of(task.data):
        _refuse_other_revision(call, task, body.expected)
        task.data = text
        if task.status == WorkStatus.PENDING:
            # A run may replace what is pending.
            task.status = WorkStatus.IN_PROGRESS
        _reopen_review(call, task)
        call.session.flush()
        note_edit(call, task)
    if body.status is not None:
        task.status = body.status
    call.session.flush()
    return _shown(call, task)


def review_task(call: Call, task_id: int, body: ReviewTaskRequest) -> dict[str, Any]:
    """Accept or reject what a task has now; a task that nobody was assigned gets an assignment to carry the review.

    Raises:
        ConflictProblem: The annotations are not those that the reviewer saw.
    """
    task = _lock(call, task_id, Role.MANAGER)
    if body.status is ReviewStatus.PENDING:
        raise ValidationProblem.of_field("status", "a review approves or rejects.")
    _refuse_other_revision(call, task, body.expected)
    assignment = cards.newest_assignment(call.session, task.id) or _assignment_for(call, task)
    assignment.data = task.data
    assignment.status_label = WorkStatus.COMPLETED
    assignment.status_review = body.status
    assignment.reviewer_id = call.actor.user_id
    call.session.add(
        Review(assignment_id=assignment.id, reviewer_id=call.actor.user_id, status=body.status, comment=body.comment)
    )
    task.status = WorkStatus.COMPLETED if body.status is ReviewStatus.APPROVED else WorkStatus.IN_PROGRESS
    call.session.flush()
    return _shown(call, task)


def set_discarded(call: Call, body: SetDiscardedRequest) -> int:
    """Take tasks out of the work, or back into it: all or none."""
    found = edits.projects_of(call.session, body.ids)
    visible = {task_id for task_id, project_id in found.items() if has_role(call, project_id, Role.VIEWER)}
    missing = set(body.ids) - visible
    if missing:
        raise NotFoundProblem(f"No tasks with these ids: {', '.join(map(str, sorted(missing)))}.")
    for project_id in sorted(set(found.values())):
        require_role(call, project_id, Role.MANAGER)
    edits.set_discarded(call.session, body.ids, is_discarded=body.is_discarded)
    return len(visible)


def _lock(call: Call, task_id: int, role: Role) -> Task:
    find_task(call, task_id, role)
    task = edits.lock_task(call.session, task_id)
    if task is None:
        raise NotFoundProblem.of("task", task_id)
    return task


def _refuse_other_revision(call: Call, task: Task, expected: str) -> None:
    if hash_of(task.data) == expected:
        return
    author, changed = _last_change(call, task, edits.newest_origin(call.session, task.id))
    when = f" at {changed:%Y-%m-%d %H:%M:%S} UTC" if changed else ""
    raise ConflictProblem(
        f"Task {task.id} was changed by {author or 'someone else'}{when}; read it again and choose what to keep."
    )


def _reopen_review(call: Call, task: Task) -> None:
    """What was reviewed is not what is there now."""
    assignment = cards.newest_assignment(call.session, task.id)
    if assignment is not None:
        assignment.status_review = ReviewStatus.PENDING


def _assignment_for(call: Call, task: Task) -> Assignment:
    edit = edits.edit_of(call.session, task.id)
    assignment = Assignment(project_id=task.project_id, task_id=task.id, user_id=edit[0].user_id if edit else None)
    call.session.add(assignment)
    call.session.flush()
    return assignment


def _last_change(call: Call, task: Task, origin: PreAnnotation | None) -> tuple[str | None, datetime | None]:
    """Who wrote what is there now: a person's edit or a run, whichever left exactly this."""
    revision = hash_of(task.data)
    edit = edits.edit_of(call.session, task.id)
    if edit is not None and edit[0].data_sha256 == revision:
        return edit[1], edit[0].changed
    if origin is not None and origin.data_sha256 == revision:
        return origin.run.producer, origin.created
    return None, None


def _shown(call: Call, task: Task) -> dict[str, Any]:
    origin = edits.newest_origin(call.session, task.id)
    author, changed = _last_change(call, task, origin)
    unit, picture = cards.unit_of(call.session, task.id)
    assignment = cards.newest_assignment(call.session, task.id)
    return {
        "task_id": task.id,
        "name": unit.name,
        "width": unit.width,
        "height": unit.height,
        "file_id": picture.data_file_id if picture else None,
        "revision": hash_of(task.data),
        "data": None if task.data is None else msgspec.json.decode(task.data),
        "status": task.status,
        "is_discarded": task.is_discarded,
        "review": assignment.status_review if assignment else None,
        "review_comment": cards.newest_comment(call.session, assignment.id) if assignment else "",
        "changed_by": author,
        "changed": changed,
        "origin": _origin(call, origin, hash_of(task.data)) if origin else None,
    }


def _origin(call: Call, origin: PreAnnotation, revision: str) -> dict[str, Any]:
    run = origin.run
    return {
        "run_id": run.id,
        "producer": run.producer,
        "version": run.version,
        "model": edits.model_name(call.session, run.model_id),
        "score": origin.score,
        "created": origin.created,
        "is_untouched": origin.data_sha256 == revision,
    }
