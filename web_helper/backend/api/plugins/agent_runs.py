"""What agents ask and tell about their runs, by their own key (header `SYNAPSE-Agent`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from synapse_sdk.wire.agents import Claim, ClaimRequest, RunReport, RunStart, RunState
from synapse_sdk.wire.containers import ReleaseArchive
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import database_of
from web_helper.backend.api.resource import create_router
from web_helper.backend.core.signing import ObjectGrant, Operation
from web_helper.backend.services.plugins import agent_runs as service

# How often a waiting agent's jobs are looked at: half of this is added to the start of a run.
LOOK_SECONDS = 0.25

_header = APIKeyHeader(
    name="SYNAPSE-Agent", scheme_name="SynapseAgent", auto_error=False, description="`Token <key of the agent>`."
)
router = create_router("agent_runs")


async def read_agent_key(header: Annotated[str | None, Depends(_header)]) -> str | None:
    """The agent's key of a request."""
    return header.strip().split(" ")[-1] if header else None


AgentKey = Annotated[str | None, Depends(read_agent_key)]


@router.post("/v2/agent-runs/claim/", operation_id="v2_agent_runs_claim")
async def claim_runs(request: Request, key: AgentKey, body: ClaimRequest) -> Envelope[Claim]:
    """Jobs to start and runs to stop; the answer waits until there are some, or the time is over."""
    await asyncio.to_thread(_note_alive, request, key, body)
    deadline = time.monotonic() + body.wait_seconds
    while True:
        claim = await asyncio.to_thread(_find_work, request, key, body)
        if claim.start or claim.stop or time.monotonic() >= deadline or await request.is_disconnected():
            return Envelope[Claim].model_validate(_envelope(request, claim))
        await asyncio.sleep(LOOK_SECONDS)


@router.post("/v2/agent-runs/{job_id}/start/", operation_id="v2_agent_runs_start")
def start_run(request: Request, key: AgentKey, job_id: UUID) -> Envelope[RunStart]:
    """Take a job: what to run, and the key that it acts with. May be asked again."""
    with database_of(request).write() as session:
        agent = service.find_agent(session, key)
        job, release, run_key = service.take_job(session, agent, str(job_id))
        file = release.data_file
        assert file is not None
        grant = ObjectGrant(file.storage_id, file.path, Operation.GET, file_name="release.zip")
        start = RunStart(
            job_id=job.id,
            action=job.action,
            params=job.params,
            plugin=release.plugin.code,
            version=release.version,
            config=release.config,
            archive_url=request.app.state.signer.sign_object(grant).url,
            sha256=release.sha256,
            token=run_key,
        )
    return Envelope[RunStart].model_validate(_envelope(request, start))


@router.post("/v2/agent-runs/{job_id}/report/", operation_id="v2_agent_runs_report")
def report_run(request: Request, key: AgentKey, job_id: UUID, body: RunReport) -> Envelope[RunState]:
    """What a run printed, and how it ended. A report that is sent twice is taken once."""
    with database_of(request).write() as session:
        job = service.report_run(session, service.find_agent(session, key), str(job_id), body)
        state = RunState(
            status=job.status, console_size=job.console_size, stop_requested=job.stop_requested_at is not None
        )
    return Envelope[RunState].model_validate(_envelope(request, state))


@router.get("/v2/agent-runs/releases/{name}/", operation_id="v2_agent_runs_release")
def find_release(request: Request, key: AgentKey, name: str) -> Envelope[ReleaseArchive]:
    """The archive of a release, `code@version`, for an agent that makes a playground container of it."""
    with database_of(request).read() as session:
        service.find_agent(session, key)
        release, file = service.release_with_archive(session, name)
        grant = ObjectGrant(file.storage_id, file.path, Operation.GET, file_name="release.zip")
        url = request.app.state.signer.sign_object(grant).url
        archive = ReleaseArchive(archive_url=url, sha256=release.sha256)
    return Envelope[ReleaseArchive].model_validate(_envelope(request, archive))


def _note_alive(request: Request, key: str | None, body: ClaimRequest) -> None:
    with database_of(request).write() as session:
        service.note_alive(session, service.find_agent(session, key), body)


def _find_work(request: Request, key: str | None, body: ClaimRequest) -> Claim:
    with database_of(request).read() as session:
        return service.find_work(session, service.find_agent(session, key), body)


def _envelope(request: Request, data: Any) -> Mapping[str, Any]:
    return {"data": data, "meta": {"request_id": request.state.request_id}}
