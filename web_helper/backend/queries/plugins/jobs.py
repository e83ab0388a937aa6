"""Runs of plugins. Lists walk `ix_jobs_created_id`; a user sees the runs they started."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, load_only

from synapse_sdk.wire.jobs import JobStatus
from web_helper.backend.models import Job, Plugin, PluginRelease
from web_helper.backend.queries.filters import (
    Condition,
    Filter,
    Kind,
    Listing,
    common_filters,
    contains_text,
    integers,
    is_any_of,
    strings,
)


def _of_plugin(codes: Sequence[str]) -> Condition:
    return Job.release.has(PluginRelease.plugin.has(is_any_of(Plugin.code, list(codes))))


LISTING = Listing(
    noun="jobs",
    entity=Job,
    keys=(Job.created, Job.id),
    filters={
        **common_filters(Job.id, contains_text(Job.action), searched="the action", kind=Kind.STRINGS),
        # Written lower case in v1 and upper case in v2: read in either.
        "status": Filter(
            Kind.STRINGS,
            lambda words: is_any_of(Job.status, [word.lower() for word in words]),
            "Jobs in these states.",
            tuple(word for status in JobStatus for word in (status.value, status.value.upper())),
        ),
        "action": strings(Job.action, "Runs of these actions."),
        "plugin_release": integers(Job.plugin_release_id, "Runs of these releases."),
        "plugin": Filter(Kind.STRINGS, _of_plugin, "Runs of these plugins, by code."),
        "agent": integers(Job.agent_id, "Runs of these agents."),
        "user": integers(Job.user_id, "Runs that these users started."),
    },
    visible_to=lambda user_id: Job.user_id == user_id,
    sort_name="created",
    loads=(joinedload(Job.release).options(load_only(PluginRelease.version), joinedload(PluginRelease.plugin)),),
)


def console_logs(session: Session, job_id: str) -> str:
    """What the run has printed so far."""
    return session.scalar(select(Job.console_logs).where(Job.id == job_id)) or ""
