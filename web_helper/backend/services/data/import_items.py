"""Importing annotated items: one batch, one transaction, a fixed number of statements; sent again, it adds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.imports import ImportOutcome, ImportRequest, ImportState
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, ValidationProblem
from web_helper.backend.models import DataCollection, Project, Role
from web_helper.backend.queries.data import import_items as queries
from web_helper.backend.queries.work.projects import lock_project
from web_helper.backend.services.access import require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.import_plan import (
    PlannedItem,
    add_classes,
    class_schema_of,
    is_same_data,
    plan_items,
    refuse_new_classes,
)
from web_helper.backend.services.data.unit_files import WantedFiles, resolve_files


def import_items(call: Call, project_id: int, request: ImportRequest) -> list[ImportOutcome]:
    """Add the items that the project does not have; the answers are in the order of the items.

    Raises:
        ValidationProblem: An item is not allowed; nothing was added.
        ConflictProblem: The project has no data collection.
    """
    require_role(call, project_id, Role.MANAGER)
    planned, problems = plan_items(request.items)
    _refuse(problems)
    project, collection = _lock(call, project_id)
    unit_ids = _find_or_insert_units(call, collection, planned)
    known = queries.tasks_by_unit(call.session, project_id, unit_ids.values())
    new = [plan for plan in planned if unit_ids[plan.item.key] not in known]
    _settle_classes(project, new, create=request.create_classes)
    created = _insert_work(call, project_id, new, unit_ids)
    if len(created) < len(new):
        # Someone made tasks for these units by another way in this very moment: theirs stay.
        known |= queries.tasks_by_unit(call.session, project_id, unit_ids.values())
    return [_outcome(plan, unit_ids[plan.item.key], known, created) for plan in planned]


def _lock(call: Call, project_id: int) -> tuple[Project, DataCollection]:
    """Batches of one project queue up, so class ids never race."""
    project = lock_project(call.session, project_id)
    if project is None:
        raise NotFoundProblem.of("project", project_id)
    collection = (
        queries.lock_collection(call.session, project.data_collection_id) if project.data_collection_id else None
    )
    if collection is None:
        raise ConflictProblem(f"Project {project_id} has no data collection; give it one, then import.")
    return project, collection


def _find_or_insert_units(call: Call, collection: DataCollection, planned: Sequence[PlannedItem]) -> dict[str, int]:
    keys = [plan.item.key for plan in planned]
    unit_ids = queries.unit_ids_by_key(call.session, collection.id, keys)
    new = [plan for plan in planned if plan.item.key not in unit_ids]
    wanted = [
        WantedFiles(f"items.{plan.index}.files", plan.item.name, plan.item.files, plan.item.primary) for plan in new
    ]
    files, problems = resolve_files(call, collection.file_specifications, wanted)
    _refuse(problems)
    inserted = queries.insert_units(call.session, [_unit_row(collection.id, plan) for plan in new])
    rows = [
        {"data_unit_id": inserted[plan.item.key], **row}
        for plan, unit_files in zip(new, files, strict=True)
        if plan.item.key in inserted
        for row in unit_files
    ]
    queries.insert_unit_files(call.session, rows)
    if len(inserted) < len(new):
        # Units of the same keys were made by another way in this very moment: theirs stay.
        return queries.unit_ids_by_key(call.session, collection.id, keys)
    return unit_ids | inserted


def _unit_row(collection_id: int, plan: PlannedItem) -> dict[str, Any]:
    item = plan.item
    return {
        "data_collection_id": collection_id,
        "key": item.key,
        "name": item.name,
        "width": item.width,
        "height": item.height,
    }


def _settle_classes(project: Project, new: Sequence[PlannedItem], *, create: bool) -> None:
    schema = class_schema_of(project.configuration)
    if not create:
        _refuse(refuse_new_classes(schema, new))
        return
    extended = add_classes(schema, (name for plan in new for name in plan.class_names))
    if extended is not None:
        document = extended.model_dump(mode="json", exclude_none=True)
        project.configuration = {**project.configuration, "class_schema": document}


def _insert_work(
    call: Call, project_id: int, new: Sequence[PlannedItem], unit_ids: Mapping[str, int]
) -> dict[int, tuple[int, int]]:
    """Tasks and assignments of new items: ids of both, by unit."""
    plans = {unit_ids[plan.item.key]: plan for plan in new}
    tasks = queries.insert_tasks(
        call.session,
        [
            {"project_id": project_id, "data_unit_id": unit_id, "status": plan.item.status_label, "data": plan.text}
            for unit_id, plan in plans.items()
        ],
    )
    assignments = queries.insert_assignments(
        call.session,
        [
            {
                "project_id": project_id,
                "task_id": task_id,
                "user_id": call.actor.user_id,
                "status_label": plans[unit_id].item.status_label,
                "data": plans[unit_id].text,
            }
            for unit_id, task_id in sorted(tasks.items())
        ],
    )
    created = {unit_id: (task_id, assignments[task_id]) for unit_id, task_id in tasks.items()}
    _link_tags(call, project_id, [(plans[unit_id], *ids) for unit_id, ids in created.items()])
    return created


def _link_tags(call: Call, project_id: int, created: Sequence[tuple[PlannedItem, int, int]]) -> None:
    names = dict.fromkeys(name for plan, _, _ in created for name in plan.item.tags)
    tag_ids = queries.tag_ids(call.session, project_id, list(names))
    links = [
        (task_id, assignment_id, tag_ids[name])
        for plan, task_id, assignment_id in created
        for name in dict.fromkeys(plan.item.tags)
    ]
    queries.insert_tag_links(
        call.session,
        [{"task_id": task_id, "tag_id": tag_id} for task_id, _, tag_id in links],
        [{"assignment_id": assignment_id, "tag_id": tag_id} for _, assignment_id, tag_id in links],
    )


def _outcome(
    plan: PlannedItem,
    unit_id: int,
    known: Mapping[int, queries.KnownTask],
    created: Mapping[int, tuple[int, int]],
) -> ImportOutcome:
    if unit_id in created:
        status, (task_id, assignment_id) = ImportState.CREATED, created[unit_id]
        return ImportOutcome(
            key=plan.item.key, status=status, data_unit_id=unit_id, task_id=task_id, assignment_id=assignment_id
        )
    task = known[unit_id]
    status = ImportState.EXISTS if is_same_data(task.data, plan.text) else ImportState.DIFFERS
    return ImportOutcome(
        key=plan.item.key,
        status=status,
        data_unit_id=unit_id,
        task_id=task.task_id,
        assignment_id=task.assignment_id,
    )


def _refuse(problems: Sequence[FieldError]) -> None:
    if problems:
        first = problems[0]
        raise ValidationProblem(
            f"Nothing was imported. {first.field}: {first.message}"
            + (f" ({len(problems) - 1} more problems)" if len(problems) > 1 else ""),
            list(problems),
        )
