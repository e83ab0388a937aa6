"""Taking a run back: every task that nobody has touched since has again what it had before.

A later run may have written over this one. Then the later one is given what this one had found, so that undoing both,
in any order, leads back to the beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from synapse_sdk.wire.pre_annotations import PreAnnotationUndo
from web_helper.backend.models import PreAnnotation
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.work import pre_annotations as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.pre_annotations import find_run, hash_of

BATCH = 500
# A request ends in seconds; whoever asked goes on where it stopped.
BATCHES_PER_REQUEST = 40


@dataclass
class _Plan:
    """What undoing a batch writes."""

    texts: dict[int, str | None] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    kept: int = 0


def undo_run(transaction: Callable[[], AbstractContextManager[Call]], run_id: str, after_id: int) -> PreAnnotationUndo:
    """Take back the next part of a run, batch by batch, each in a transaction of its own; safe to call again.

    Raises:
        NotFoundProblem: There is no such run, or the caller may not see it.
        PermissionProblem: The caller does not manage its project.
    """
    restored = kept = 0
    for _ in range(BATCHES_PER_REQUEST):
        with transaction() as call:
            rows, plan = _undo_batch(call, run_id, after_id)
            restored, kept = restored + len(plan.gone), kept + plan.kept
            if len(rows) < BATCH:
                run = find_run(call, run_id)
                run.undone_at = run.undone_at or utc_now()
                return PreAnnotationUndo(restored=restored, kept=kept, next_after_id=None)
            after_id = rows[-1].id
    return PreAnnotationUndo(restored=restored, kept=kept, next_after_id=after_id)


def _undo_batch(call: Call, run_id: str, after_id: int) -> tuple[list[PreAnnotation], _Plan]:
    run = find_run(call, run_id)
    rows = queries.rows_of_run(call.session, run_id, after_id, BATCH)
    task_ids = sorted({row.task_id for row in rows})
    tasks = queries.lock_tasks(call.session, run.project_id, task_ids)
    later: dict[int, list[PreAnnotation]] = {}
    for row in queries.rows_of_tasks(call.session, task_ids):
        later.setdefault(row.task_id, []).append(row)
    plan = _Plan()
    for row in rows:
        heir = next((other for other in later.get(row.task_id, ()) if _is_upon(other, row)), None)
        status, data = tasks.get(row.task_id, ("", None))
        if heir is not None:
            heir.previous_data = row.previous_data
        elif (hash_of(data), status) == (row.data_sha256, str(row.status)):
            plan.texts[row.task_id] = row.previous_data
        else:
            plan.kept += 1
            continue
        plan.gone.append(row.id)
    call.session.flush()
    queries.write_task_data(call.session, plan.texts)
    queries.delete_rows(call.session, plan.gone)
    return rows, plan


def _is_upon(other: PreAnnotation, row: PreAnnotation) -> bool:
    """Whether the other was written over exactly what this one had left."""
    return other.id > row.id and hash_of(other.previous_data) == row.data_sha256
