"""The first page: what runs now, what waits for the caller, what is kept."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from synapse_sdk.wire.home import Home, StorageUse, Tally, WorkItem, WorkKind
from synapse_sdk.wire.jobs import AsyncJobStatus, JobStatus
from web_helper.backend.models import AsyncJob, Experiment, Job, JobKind, Storage
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import home as queries
from web_helper.backend.queries.data import storages
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.objects import StorageFailedError, is_local
from web_helper.backend.services.data.storages import open_root

FAILED_SINCE = timedelta(days=3)
# A run that nobody has heard of for longer is no news.
RUNNING_SINCE = timedelta(days=30)
MEASURE_EVERY_SECONDS = 300.0


class UseMeter:
    """Bytes in each storage, summed again when the last sum is some minutes old: it reads every file's row."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._measured: dict[int, int] = {}
        self._until = 0.0

    def read(self, session: Session) -> dict[int, int]:
        """Bytes by storage. Of several callers at once one sums; the others wait for it."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._measured = queries.sum_file_bytes(session)
                self._until = time.monotonic() + MEASURE_EVERY_SECONDS
            return self._measured


def show_home(call: Call, meter: UseMeter) -> Home:
    """Everything that the first page shows, of what the caller may see."""
    session, viewer_id = call.session, call.actor.viewer_id
    return Home(
        running=_running(session, viewer_id),
        failed=_failed(session, viewer_id),
        conflicts=_tally(queries.count_conflicts(session)),
        reviews=_tally(queries.count_reviews(session, viewer_id)),
        storages=_storages(session, meter),
        projects=_tally(queries.count_projects(session, viewer_id)),
        tasks=_tally(queries.count_tasks(session, viewer_id)),
        experiments=_tally(queries.count_experiments(session)),
        plugins=_tally(queries.count_plugins(session)),
    )


def _running(session: Session, viewer_id: int | None) -> list[WorkItem]:
    exports = queries.exports_in(session, viewer_id, (AsyncJobStatus.QUEUED, AsyncJobStatus.RUNNING))
    jobs = queries.jobs_in(session, viewer_id, (JobStatus.PENDING, JobStatus.RUNNING), utc_now() - RUNNING_SINCE)
    return _items(exports, jobs, queries.experiments_at_work(session))


def _failed(session: Session, viewer_id: int | None) -> list[WorkItem]:
    since = utc_now() - FAILED_SINCE
    exports = queries.exports_in(session, viewer_id, (AsyncJobStatus.FAILED,), since)
    jobs = queries.jobs_in(session, viewer_id, (JobStatus.FAILED,), since)
    return _items(exports, jobs, queries.experiments_failed(session, since))


def _items(exports: Iterable[AsyncJob], jobs: Iterable[Job], experiments: Iterable[Experiment]) -> list[WorkItem]:
    items = [*map(_of_export, exports), *map(_of_job, jobs), *map(_of_experiment, experiments)]
    return sorted(items, key=lambda item: item.created, reverse=True)


def _of_export(row: AsyncJob) -> WorkItem:
    return WorkItem(
        # To people both are exports: what is packed by the platform, and what is gathered for who packs it.
        kind=WorkKind.EXPORT if row.kind == JobKind.DATASET else WorkKind(row.kind),
        id=row.id,
        title=str(row.params.get("name") or row.params.get("target", row.kind)),
        status=row.status.lower(),
        project_id=row.project_id,
        processed=row.processed,
        total=row.total,
        error=row.error,
        created=row.created,
        finished=row.finished,
    )


def _of_job(row: Job) -> WorkItem:
    title = f"{row.plugin_code} {row.action}" if row.plugin_code else row.action
    return WorkItem(
        kind=WorkKind.JOB,
        id=row.id,
        title=title,
        status=row.status.lower(),
        error=row.error,
        created=row.created,
        finished=row.finished,
    )


def _of_experiment(row: Experiment) -> WorkItem:
    return WorkItem(
        kind=WorkKind.EXPERIMENT,
        id=row.uid,
        title=row.name,
        status=row.status.lower(),
        error=row.message or None,
        created=row.created,
        finished=row.finished,
    )


def _tally(count: int) -> Tally:
    return Tally(value=min(count, queries.COUNTED), is_more=count > queries.COUNTED)


def _storages(session: Session, meter: UseMeter) -> list[StorageUse]:
    used = meter.read(session)
    return [_use_of(storage, used.get(storage.id, 0)) for storage in storages.all_storages(session)]


def _use_of(storage: Storage, used_bytes: int) -> StorageUse:
    disk = _disk_of(storage)
    return StorageUse(
        storage_id=storage.id,
        name=storage.name,
        provider=storage.provider,
        used_bytes=used_bytes,
        free_bytes=disk[0] if disk else None,
        total_bytes=disk[1] if disk else None,
    )


def _disk_of(storage: Storage) -> tuple[int, int] | None:
    """Free and all bytes of the disk under a folder; None for a bucket, or a folder that was taken away."""
    try:
        root = open_root(storage)
        if not is_local(root):
            return None
        usage = shutil.disk_usage(Path(str(root)))
    except (StorageFailedError, OSError):
        return None
    return usage.free, usage.total
