"""The agent's process: `python -m synapse_agent.app --port 8200`."""

from __future__ import annotations

import argparse
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from synapse_agent.api.health import router as health_router
from synapse_agent.core.settings import Settings
from synapse_agent.services.enrolment import Heartbeat, enrol
from synapse_sdk.exceptions import SynapseError


def create_app(heartbeat: Heartbeat) -> FastAPI:
    """The agent as an ASGI application; its heart beats while it runs."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        heartbeat.start()
        yield
        heartbeat.stop()

    app = FastAPI(title="Synapse agent", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.heartbeat = heartbeat
    app.include_router(health_router)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Joins this host to a Synapse server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument("--fd", type=int, help="serve this listening socket instead of opening one")
    options = parser.parse_args()
    host, port = (options.host, options.port) if options.fd is None else _address_of(options.fd)
    settings, own_url = Settings(), f"http://{host}:{port}"
    try:
        enrolment = enrol(settings, own_url)
    except SynapseError as exc:
        raise SystemExit(f"This host cannot join {settings.server_url}: {exc}") from exc
    app = create_app(Heartbeat(settings, enrolment))
    uvicorn.run(app, host=host, port=port, fd=options.fd, log_level="warning")


def _address_of(fd: int) -> tuple[str, int]:
    with socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM) as listener:
        host, port = listener.getsockname()[:2]
        return str(host), int(port)


if __name__ == "__main__":
    main()
