"""How long a finished bundle stays, by the kind of its job."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from web_helper.backend.core.settings import Settings
from web_helper.backend.models import AsyncJob, JobKind
from web_helper.backend.models.base import utc_now


def keep_seconds(kind: JobKind, settings: Settings) -> int | None:
    """How long bundles of a kind stay; None is for ever."""
    return settings.snapshot_keep_seconds if kind is JobKind.SNAPSHOT else settings.bundle_keep_seconds


def kept_until(job: AsyncJob, settings: Settings) -> datetime | None:
    """When a finished job's bundle may be deleted; None is never."""
    seconds = keep_seconds(JobKind(job.kind), settings)
    return None if seconds is None or job.finished is None else job.finished + timedelta(seconds=seconds)


def is_kept(job: AsyncJob, settings: Settings) -> bool:
    """Whether the job has a bundle whose time is not over."""
    until = kept_until(job, settings)
    return job.result is not None and (until is None or until > utc_now())


def link_seconds(job: AsyncJob, settings: Settings) -> int:
    """How long a link to what a job has made works: never longer than that is there."""
    until = kept_until(job, settings)
    left = math.inf if until is None else (until - utc_now()).total_seconds()
    return max(1, int(min(settings.signed_url_seconds, left)))
