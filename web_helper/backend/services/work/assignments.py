"""Assignments: one person's work on one task, and its review."""

from __future__ import annotations

from synapse_sdk.wire.work import AssignmentChange, AssignmentCreate, ReviewRequest
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import Assignment, Review, ReviewStatus, Role, WorkStatus
from web_helper.backend.queries.work import projects, tasks
from web_helper.backend.services.access import has_role, require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.tags import ensure_tags
from web_helper.backend.services.work.tasks import encode_for, find_task, note_edit, project_of


def find_assignment(call: Call, assignment_id: int, role: Role = Role.VIEWER) -> Assignment:
    """An assignment with its data, in a project where the caller has at least this role."""
    assignment = tasks.find_assignment(call.session, assignment_id)
    if assignment is None or not has_role(call, assignment.project_id, Role.VIEWER):
        raise NotFoundProblem.of("assignment", assignment_id)
    require_role(call, assignment.project_id, role)
    return assignment


def create_assignment(call: Call, body: AssignmentCreate) -> Assignment:
    """Give a task to someone: annotators to themselves, managers to any member."""
    task = find_task(call, body.task, Role.ANNOTATOR)
    user_id = call.actor.user_id if body.user is None else body.user
    _check_assignee(call, task.project_id, user_id)
    assignment = Assignment(
        project_id=task.project_id,
        task_id=task.id,
        user_id=user_id,
        status_label=body.status_label,
        data=encode_for(project_of(call, task.project_id), body.data),
    )
    assignment.tags = ensure_tags(call, task.project_id, body.tags)
    call.session.add(assignment)
    call.session.flush()
    _hand_over(assignment, call)
    return assignment


def change_assignment(call: Call, assignment_id: int, body: AssignmentChange) -> Assignment:
    """Change what was sent of an assignment; completing it makes its data the task's."""
    assignment = find_assignment(call, assignment_id, Role.ANNOTATOR)
    _check_owner(call, assignment)
    if body.is_confirmed is not None or body.is_discarded is not None or body.user is not None:
        _change_as_manager(call, assignment, body)
    has_new_work = "data" in body.model_fields_set or body.status_label is not None
    if "data" in body.model_fields_set:
        assignment.data = encode_for(project_of(call, assignment.project_id), body.data)
    if body.status_label is not None:
        assignment.status_label = body.status_label
    if has_new_work:
        # What was reviewed is not what is there now.
        assignment.status_review = ReviewStatus.PENDING
        _hand_over(assignment, call)
    call.session.flush()
    return assignment


def delete_assignment(call: Call, assignment_id: int) -> None:
    """Delete an assignment with its reviews."""
    call.session.delete(find_assignment(call, assignment_id, Role.ADMIN))


def review_assignment(call: Call, assignment_id: int, body: ReviewRequest) -> Assignment:
    """Approve or reject completed work; the review stays in the history."""
    assignment = find_assignment(call, assignment_id, Role.MANAGER)
    if body.status is ReviewStatus.PENDING:
        raise ValidationProblem.of_field("status", "a review approves or rejects.")
    if assignment.status_label != WorkStatus.COMPLETED:
        raise ConflictProblem(f"Assignment {assignment.id} is not completed; there is nothing to review yet.")
    call.session.add(
        Review(assignment_id=assignment.id, reviewer_id=call.actor.user_id, status=body.status, comment=body.comment)
    )
    assignment.status_review = body.status
    assignment.reviewer_id = call.actor.user_id
    call.session.flush()
    return assignment


def _change_as_manager(call: Call, assignment: Assignment, body: AssignmentChange) -> None:
    require_role(call, assignment.project_id, Role.MANAGER)
    if body.is_confirmed is not None:
        assignment.is_confirmed = body.is_confirmed
    if body.is_discarded is not None:
        assignment.is_discarded = body.is_discarded
    if body.user is not None:
        _check_assignee(call, assignment.project_id, body.user)
        assignment.user_id = body.user


def _check_assignee(call: Call, project_id: int, user_id: int) -> None:
    if user_id == call.actor.user_id:
        return
    require_role(call, project_id, Role.MANAGER)
    if projects.find_role(call.session, project_id, user_id) is None:
        raise ValidationProblem.of_field("user", f"user {user_id} is no member of project {project_id}.")


def _check_owner(call: Call, assignment: Assignment) -> None:
    is_own = assignment.user_id == call.actor.user_id
    if not is_own and not has_role(call, assignment.project_id, Role.MANAGER):
        raise PermissionProblem(f"Assignment {assignment.id} is another user's; its project's managers may change it.")


def _hand_over(assignment: Assignment, call: Call) -> None:
    if assignment.status_label != WorkStatus.COMPLETED:
        return
    task = tasks.find_task(call.session, assignment.task_id)
    if task is not None:
        task.data = assignment.data
        task.status = WorkStatus.COMPLETED
        note_edit(call, task)
