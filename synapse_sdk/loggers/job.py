"""Loggers whose records a server keeps."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.loggers.base import BaseLogger, LogEntry, ProgressData
from synapse_sdk.loggers.outbox import FINISH_WAIT_SECONDS, SEND_EVERY_SECONDS, LoggerBackend, Outbox
from synapse_sdk.loggers.overall import OverallProgress, as_proportions
from synapse_sdk.utils.file.io import convert_file_to_base64


class BackendLogger(BaseLogger):
    """Sends a run's records to a backend, in batches; keeps them while it is down (`synapse_sdk.loggers.outbox`).

    Args:
        backend: Takes the records; a `BackendClient` is one.
        job_id: The job they belong to.
        spool_folder: Where unsent entries are kept; `~/.synapse/spool` when None.
        send_every_seconds: How long records are gathered before they are sent.
        finish_wait_seconds: How long `finish` waits for a backend that is down.
        secrets: Texts that are taken out of everything that is sent.
    """

    def __init__(
        self,
        backend: LoggerBackend,
        job_id: str,
        *,
        spool_folder: Path | None = None,
        send_every_seconds: float = SEND_EVERY_SECONDS,
        finish_wait_seconds: float = FINISH_WAIT_SECONDS,
        secrets: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._job_id = job_id
        self._outbox = Outbox(
            backend, job_id, folder=spool_folder, send_every_seconds=send_every_seconds, secrets=secrets
        )
        self._finish_wait_seconds = finish_wait_seconds
        self._overall = OverallProgress()
        self._uid_prefix = uuid.uuid4().hex
        self._numbers = itertools.count(1)  # `next` on it is safe from several threads.

    def set_step_proportions(self, proportions: Mapping[str, int]) -> None:
        """Say what share of the whole each step is.

        Raises:
            RuntimeError: Progress has been reported already: the overall figure would jump.
            ValueError: A proportion is negative.
        """
        if self._overall.has_started:
            raise RuntimeError("set_step_proportions must be called before the first set_progress")
        self._overall = OverallProgress(as_proportions(proportions))

    def _write_log(self, entry: LogEntry) -> None:
        record = {
            "uid": f"{self._uid_prefix}-{next(self._numbers)}",
            "job": self._job_id,
            "event": entry.event,
            "data": dict(entry.data),
            "datetime": entry.timestamp.replace(tzinfo=None).isoformat(" ", "microseconds"),
            "level": entry.level,
            "step": entry.step,
        }
        if entry.file is not None:
            record["file"] = _attach(entry.file)
        self._outbox.add_log(record)

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        self._overall.update(step, self.get_step(), progress)
        self._outbox.set_state("progress_record", self._overall.record)

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None:  # noqa: ARG002 - sent whole.
        self._outbox.set_state("metrics_record", lambda: {"record": {"steps": self.get_metrics()}})

    def _close(self) -> None:
        self._outbox.close(self._finish_wait_seconds)


class JobLogger(BackendLogger):
    """Logger of a job on the server.

    Args:
        client: Takes the records; a `BackendClient` is one.
        job_id: The job.
        step_proportions: Share of each step in the job's overall progress.
        **options: As for `BackendLogger`.
    """

    def __init__(
        self, client: LoggerBackend, job_id: str, step_proportions: Mapping[str, int] | None = None, **options: Any
    ) -> None:
        super().__init__(client, job_id, **options)
        if step_proportions:
            self.set_step_proportions(step_proportions)


def _attach(file: str) -> str | None:
    try:
        return convert_file_to_base64(file)
    except OSError:  # A picture that is gone must not stop the job; its entry is kept without it.
        return None
