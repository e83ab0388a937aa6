"""Releases, and running them: asked of the server for the person whose token comes with the request.

The job is made on the server and comes back to this agent as every other does, so its status, console and result are
where people look for them.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from synapse_agent.api.access import key_of
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError

router = APIRouter()
T = TypeVar("T")


class ReleaseRun(BaseModel):
    """What to run. `params` win over `data`, their older name."""

    model_config = ConfigDict(extra="forbid")

    action: str
    params: dict[str, Any] = {}
    data: dict[str, Any] | None = None
    requirements: list[str] | None = None
    job_id: str | None = None


@router.get("/plugin_releases/")
def list_plugin_releases(request: Request) -> Any:
    """Releases of the server."""
    return _ask(request, lambda client: client.list_plugin_releases())


@router.get("/plugin_releases/{lookup}/")
def get_plugin_release(request: Request, lookup: str) -> Any:
    """One release, by id or as `code@version`."""
    return _ask(request, lambda client: client.get_plugin_release(lookup))


@router.post("/plugin_releases/{lookup}/run/", status_code=HTTPStatus.CREATED)
def run_plugin_release(request: Request, lookup: str, body: Annotated[ReleaseRun, Body()]) -> Any:
    """Make a job of a release's action on this agent."""
    if body.requirements:
        raise HTTPException(400, "Requirements belong into the release: add them to requirements.txt and publish it.")

    def run(client: BackendClient) -> Any:
        release = client.get_plugin_release(lookup)
        wish = {
            "action": body.action,
            "version": release["version"],
            "params": {**(body.data or {}), **body.params},
            "agent": request.app.state.agent_id,
        }
        return client.run_plugin(release["plugin_code"], wish | ({"job_id": body.job_id} if body.job_id else {}))

    return _ask(request, run)


def _ask(request: Request, question: Callable[[BackendClient], T]) -> T:
    user_key = key_of(request.headers, "SYNAPSE-User")
    if not user_key:
        raise HTTPException(401, "Send a person's token in the header SYNAPSE-User (AgentClient: user_token=…).")
    try:
        with BackendClient(request.app.state.server_url, user_key) as client:
            return question(client)
    except ClientError as exc:
        raise HTTPException(exc.status_code or 503, exc.detail or "The server could not be reached.") from exc
