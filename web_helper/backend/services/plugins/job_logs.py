"""Structured events of runs: taken in by the batch, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.plugins import JobLogCreate, LogsAdded
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.queries.plugins import job_logs as queries
from web_helper.backend.services.call import Call


def add_logs(call: Call, entries: Sequence[JobLogCreate]) -> LogsAdded:
    """Add the entries whose uid is new, all in one transaction: a batch that is sent twice is kept once."""
    job_ids = sorted({str(entry.job) for entry in entries})
    visible = queries.visible_job_ids(call.session, job_ids, call.actor.viewer_id)
    problems = [
        FieldError(field=f"{index}.job", message=f"there is no job {entry.job}, or you may not see it.")
        for index, entry in enumerate(entries)
        if str(entry.job) not in visible
    ]
    if problems:
        raise NotFoundProblem(f"Nothing was added. {problems[0].field}: {problems[0].message}", problems[:100])
    added = queries.insert_logs(call.session, [_row_of(entry) for entry in entries])
    return LogsAdded(received=len(entries), added=added)


def _row_of(entry: JobLogCreate) -> dict[str, Any]:
    return {**entry.model_dump(exclude={"job"}), "job_id": str(entry.job)}
