"""Releases, and running them: asked of the server for the person whose token comes with the request.

The job is made on the server and comes back to this agent as every other does, so its status, console and result are
where people look for them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException, Request
from pydantic import BaseModel, ConfigDict

from synapse_agent.api.access import key_of
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError, ConfigurationError, PluginError
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin

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


class ReleaseName(BaseModel):
    """A release by its plugin's code and its version."""

    model_config = ConfigDict(extra="forbid")

    plugin: str
    version: str


class DebugRun(BaseModel):
    """A plugin's folder on the agent's host, and what to run of it."""

    model_config = ConfigDict(extra="forbid")

    action: str
    params: dict[str, Any] = {}
    plugin_path: str
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


@router.post("/plugin_releases/", status_code=HTTPStatus.CREATED)
def create_plugin_release(request: Request, body: Annotated[ReleaseName, Body()]) -> Any:
    """Fetch a release ahead of its first run."""
    release = _ask(request, lambda client: client.get_plugin_release(f"{body.plugin}@{body.version}"))
    try:
        request.app.state.releases.keep(release["url"], release["sha256"])
    except (ClientError, PluginError) as exc:
        raise HTTPException(502, f"The release could not be fetched: {exc}") from exc
    return release


@router.delete("/plugin_releases/{lookup}/", status_code=HTTPStatus.NO_CONTENT)
def delete_plugin_release(request: Request, lookup: str) -> None:
    """Forget the agent's copy of a release; the server keeps it, and the next run fetches it again."""
    request.app.state.releases.drop(_ask(request, lambda client: client.get_plugin_release(lookup))["sha256"])


@router.post("/plugin_releases/run_debug/", status_code=HTTPStatus.CREATED)
def run_debug_plugin_release(request: Request, body: Annotated[DebugRun, Body()]) -> Any:
    """Run a plugin's folder on this host as it is: as a debug release, which may be replaced."""

    def run(client: BackendClient) -> Any:
        with tempfile.TemporaryDirectory(prefix="synapse-debug-") as folder:
            packed = pack_plugin(Path(body.plugin_path), Path(folder), notify=lambda _: None, is_debug=True)
            published = publish_plugin(packed, client, is_debug=True)
        wish = {
            "action": body.action,
            "version": published.version,
            "params": body.params,
            "agent": request.app.state.agent_id,
            "debug": True,
        }
        return client.run_plugin(packed.config["code"], wish | ({"job_id": body.job_id} if body.job_id else {}))

    try:
        return _ask(request, run)
    except (PluginError, ConfigurationError) as exc:
        raise HTTPException(400, str(exc)) from exc


def _ask(request: Request, question: Callable[[BackendClient], T]) -> T:
    user_key = key_of(request.headers, "SYNAPSE-User")
    if not user_key:
        raise HTTPException(401, "Send a person's token in the header SYNAPSE-User (AgentClient: user_token=…).")
    try:
        with BackendClient(request.app.state.server_url, user_key) as client:
            return question(client)
    except ClientError as exc:
        raise HTTPException(exc.status_code or 503, exc.detail or "The server could not be reached.") from exc
