"""What a worker does besides jobs: find rows that the queue lost, and delete bundles whose time is over."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from synapse_sdk.exceptions import StorageError
from synapse_sdk.wire.bundle import MANIFEST_NAME
from synapse_sdk.wire.jobs import AsyncJobStatus
from web_helper.backend.core.database import YIELD_SECONDS, Database
from web_helper.backend.core.event_log import log_event, log_failure
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.attempt import EXPORTS_FOLDER, job_prefix
from web_helper.backend.jobs.conversion.dataset_job import WORK_FOLDER
from web_helper.backend.jobs.durable_files import remove_tree
from web_helper.backend.jobs.failures import ABANDONED, BUNDLE_EXPIRED
from web_helper.backend.jobs.storage_roots import StorageRoots
from web_helper.backend.models import JobKind
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import async_jobs, changes, export_parts
from web_helper.backend.queries.data import storages
from web_helper.backend.services.data.objects import is_local, remove_abandoned_parts
from web_helper.backend.services.data.storages import open_root
from web_helper.backend.services.experiments.queue import sweep
from web_helper.backend.services.experiments.streams import remove_old_logs
from web_helper.backend.services.exports.job_queue import JobQueue, QueueState
from web_helper.backend.services.exports.retention import keep_seconds
from web_helper.backend.services.labelling.thumbnails import remove_unused
from web_helper.backend.services.plugins.agent_runs import end_runs_of_silent

# The log of changes is cut at these points: exports of changes stay possible for about this much longer than set.
CHECKPOINT_EVERY = timedelta(hours=1)


class Housekeeping:
    """Every act may run twice, and beside another worker's."""

    def __init__(self, database: Database, settings: Settings, queue: JobQueue) -> None:
        self._database, self._settings, self._queue = database, settings, queue

    def reconcile(self) -> None:
        """Enqueue rows that have no workflow; end rows whose workflow ended without them."""
        with self._database.read() as session:
            unfinished = async_jobs.list_unfinished(session)
        for job in unfinished:
            state = self._queue.state_of(job.job_id)
            if state is QueueState.UNKNOWN:
                self._queue.enqueue(job.job_id, job.kind)
                log_event("job_enqueued_again", job_id=job.job_id, status=str(job.status))
            elif state is QueueState.OVER:
                self._abandon(job.job_id)
        self._give_up_silent_agents()
        with self._database.write() as session:
            sweep(session)

    def purge(self) -> None:
        """Delete expired bundles, old logs, and folders of jobs whose rows are gone."""
        for kind in JobKind:
            seconds = keep_seconds(kind, self._settings)
            if seconds is not None:
                self._delete_expired(kind, utc_now() - timedelta(seconds=seconds))
        self._delete_orphans()
        self._delete_leftovers()
        self._delete_parts()
        remove_unused(self._settings.thumbnail_dir)
        self._cut_change_log()
        self._remove_logs()

    def _give_up_silent_agents(self) -> None:
        heard_before = utc_now() - timedelta(seconds=self._settings.agent_lost_seconds)
        with self._database.write() as session:
            lost = end_runs_of_silent(session, heard_before)
        for job_id in lost:
            log_event("run_lost", job_id=job_id)

    def _abandon(self, job_id: str) -> None:
        # The row is read again under its lock: a job that has just ended keeps its end.
        with self._database.write() as session:
            job = async_jobs.fail_job(session, job_id, ABANDONED)
            export_parts.forget_parts(session, job_id)
        if job is not None:
            log_event("job_ended", job_id=job_id, status=str(AsyncJobStatus.FAILED), error=ABANDONED)

    def _delete_expired(self, kind: JobKind, finished_before: datetime) -> None:
        with self._database.read() as session:
            jobs = async_jobs.list_expired(session, kind, finished_before)
            expired = [(job.id, job.params["storage"]) for job in jobs]
        for job_id, storage_id in expired:
            self._delete_bundle(job_id, storage_id)

    def _delete_bundle(self, job_id: str, storage_id: int) -> None:
        try:
            _delete_folder(self._root_of(storage_id) / job_prefix(job_id))
        except StorageError as exc:
            # The storage was taken away, and the bundle with it.
            log_failure("bundle_not_found", exc, job_id=job_id)
        with self._database.write() as session:
            async_jobs.forget_bundle(session, job_id, BUNDLE_EXPIRED)
        log_event("bundle_expired", job_id=job_id)

    def _delete_orphans(self) -> None:
        with self._database.read() as session:
            storage = storages.default_storage(session)
            root = open_root(storage) if storage is not None else None
        if root is not None and is_local(root):
            self._delete_orphans_in(root / EXPORTS_FOLDER)

    def _delete_leftovers(self) -> None:
        """What a worker that died was converting, where no other attempt has taken the job up."""
        work = self._settings.home.resolve() / WORK_FOLDER
        names = [path.name for path in work.glob("*") if _is_job_id(path.name)]
        with self._database.read() as session:
            states = async_jobs.read_states(session, names)
        at_work = {state.job_id for state in states if not state.status.is_final}
        for name in set(names) - at_work:
            remove_tree(work / name)

    def _delete_parts(self) -> None:
        with self._database.read() as session:
            rows = storages.all_storages(session)
        for storage in rows:
            try:
                count = remove_abandoned_parts(open_root(storage))
            except (StorageError, OSError) as exc:
                log_failure("storage_not_swept", exc, storage_id=storage.id)
                continue
            if count:
                log_event("upload_parts_deleted", storage_id=storage.id, count=count)

    def _cut_change_log(self) -> None:
        keep = timedelta(seconds=self._settings.changes_keep_seconds)
        with self._database.read() as session:
            last = changes.last_checkpoint(session)
        if last is not None and utc_now() - last < min(CHECKPOINT_EVERY, keep / 2):
            return
        with self._database.write() as session:
            changes.add_checkpoint(session)
            changes.raise_floor(session, utc_now() - keep)
        total = 0
        while count := self._forget_some_changes():
            total += count
            time.sleep(YIELD_SECONDS)
        if total:
            log_event("changes_forgotten", count=total)

    def _forget_some_changes(self) -> int:
        with self._database.write() as session:
            return changes.forget_some(session)

    def _remove_logs(self) -> None:
        if not self._settings.log_keep_seconds:
            return
        ended_before = utc_now() - timedelta(seconds=self._settings.log_keep_seconds)
        count = None
        while count != 0:
            with self._database.write() as session:
                count = remove_old_logs(session, ended_before)
            if count:
                log_event("experiment_logs_removed", count=count)

    def _root_of(self, storage_id: int) -> Path:
        with self._database.read() as session:
            return StorageRoots(session).open(storage_id)

    def _delete_orphans_in(self, exports: Path) -> None:
        # A job's row is committed before its folder is made, so a folder without a row has lost it.
        names = [path.name for path in exports.glob("*") if _is_job_id(path.name)]
        with self._database.read() as session:
            known = {state.job_id for state in async_jobs.read_states(session, names)}
        for name in set(names) - known:
            remove_tree(exports / name)
            log_event("bundle_orphan_deleted", job_id=name)


def _delete_folder(folder: Path) -> None:
    # Without its manifest a bundle is refused: nobody reads one that is half gone.
    for manifest in folder.glob(f"*/{MANIFEST_NAME}"):
        manifest.unlink(missing_ok=True)
    remove_tree(folder)


def _is_job_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
