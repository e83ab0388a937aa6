"""The agent's process: `python -m synapse_agent.app --port 8200`."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from synapse_agent.api.health import router as health_router
from synapse_agent.core.settings import Settings
from synapse_agent.services.enrolment import Heartbeat, enrol


def create_app(settings: Settings, own_url: str) -> FastAPI:
    """The agent as an ASGI application; it joins the server while it starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.heartbeat = Heartbeat(settings, enrol(settings, own_url))
        app.state.heartbeat.start()
        yield
        app.state.heartbeat.stop()

    app = FastAPI(title="Synapse agent", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(health_router)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Joins this host to a Synapse server.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8200)
    options = parser.parse_args()
    app = create_app(Settings(), f"http://{options.host}:{options.port}")
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
