"""The rows of one export by either way: through a job and its bundle, or through the stream."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synapse_sdk.wire.bundle import MANIFEST_NAME
from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.faults.stage import Stage

Row = dict[str, Any]


def rows_by_job(stage: Stage, target: str, project: int | None, **filters: Any) -> Iterator[Row]:
    """Path A, and path C where the filter is that of a released version."""
    with stage.client() as client:
        made = client.plugin_exports.create(
            target=target, project=project, filter=filters, options={"include_files": False}
        )
        for _ in client.async_jobs.stream_progress(made.job_id):
            pass
        job = client.async_jobs.retrieve(made.job_id)
    assert job.status is AsyncJobStatus.SUCCEEDED, job.error
    assert job.bundle is not None
    folder = stage.home / "storage" / job.bundle.prefix
    manifest = json.loads(Path(folder, MANIFEST_NAME).read_text())
    count = 0
    for part in manifest["parts"]:
        for line in Path(folder, part["path"]).read_bytes().splitlines():
            count += 1
            yield json.loads(line)
    assert count == manifest["row_count"]


def rows_by_stream(stage: Stage, target: str, project: int | None, **filters: Any) -> Iterator[Row]:
    """Path B."""
    with stage.client() as client:
        asked = {"project": project, **filters} if project is not None else filters
        yield from client.exports.stream(target=target, **asked)
