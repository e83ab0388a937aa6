"""The agent's process: `python -m synapse_agent.app --port 8200`."""

from __future__ import annotations

import argparse
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import Depends, FastAPI

from synapse_agent.api import capacity, containers, jobs, playground_apps, releases, serve_applications
from synapse_agent.api.access import require_token, require_token_or_run, require_token_or_server
from synapse_agent.api.health import router as health_router
from synapse_agent.core.settings import Settings
from synapse_agent.core.variables import erase_tokens
from synapse_agent.services.agent import AgentParts, lock_home, open_agent
from synapse_agent.services.enrolment import enrol
from synapse_sdk.exceptions import SynapseError

# Streams of logs are cut when the agent is stopped: a stop must not wait for those who watch.
SHUTDOWN_SECONDS = 2


def create_app(agent: AgentParts) -> FastAPI:
    """The agent as an ASGI application; its heart beats and its runs are followed while it runs."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        agent.start()
        async with serve_applications.open_forwarding() as app.state.forwarding:
            yield
        await playground_apps.close_client(app)
        agent.stop()

    app = FastAPI(title="Synapse agent", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.heartbeat, app.state.dispatcher, app.state.history = agent.heartbeat, agent.dispatcher, agent.history
    app.state.releases, app.state.nodes = agent.releases, agent.nodes
    app.state.api_token, app.state.agent_id = agent.api_token, agent.agent_id
    app.state.server_key = agent.server_key
    app.state.server_url, app.state.name = agent.settings.server_url, agent.settings.name
    app.include_router(health_router)
    for router in (jobs.router, releases.router):
        app.include_router(router, dependencies=[Depends(require_token)])
    for router in (containers.router, playground_apps.router):
        app.include_router(router, dependencies=[Depends(require_token_or_server)])
    app.state.serving, app.state.playground = agent.serving.serving, agent.playground
    app.add_exception_handler(SynapseError, serve_applications.explain)
    for router in (capacity.router, serve_applications.router):
        app.include_router(router, dependencies=[Depends(require_token_or_run)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Joins this host to a Synapse server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument("--fd", type=int, help="serve this listening socket instead of opening one")
    options = parser.parse_args()
    if options.fd is None:
        # Bound before the server is told about it; port 0 is any free one.
        listener = socket.create_server((options.host, options.port))
    else:
        listener = socket.socket(fileno=options.fd)
    serve(listener)


def serve(listener: socket.socket) -> None:
    """Run the agent on a listening socket until it is stopped.

    Raises:
        SystemExit: This host cannot join the server; says why.
    """
    settings, own_url = Settings(), _url_of(listener)
    erase_tokens()
    try:
        lock = lock_home(settings.home)
        enrolment = enrol(settings, own_url)
    except SynapseError as exc:
        raise SystemExit(f"This host cannot join {settings.server_url}: {exc}") from exc
    # Needed once, and nothing that this process starts should find it.
    settings = settings.model_copy(update={"token": None})
    app = create_app(open_agent(settings, enrolment, own_url))
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS)
    with lock:
        uvicorn.Server(config).run(sockets=[listener])


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - a comparison: others reach this host by its name.
        host = socket.gethostname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
