"""The server process: the HTTP API over one database.

`python -m web_helper.backend.app --host 127.0.0.1 --port 8100` serves an installation that `bootstrap` has prepared.
"""

from __future__ import annotations

import argparse
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from web_helper.backend.api.errors import RequestEdge, install_error_handlers
from web_helper.backend.api.metrics import RequestMeter
from web_helper.backend.api.registry import ROUTERS
from web_helper.backend.api.routing import RoutesByHead
from web_helper.backend.core.database import Database
from web_helper.backend.core.event_log import configure_event_log
from web_helper.backend.core.memory import settle_memory
from web_helper.backend.core.settings import Settings
from web_helper.backend.core.signing import UrlSigner
from web_helper.backend.services.components.kept_packed import KeptPacked
from web_helper.backend.services.exports.export_stream import StreamSlots
from web_helper.backend.services.exports.job_progress import ProgressHub
from web_helper.backend.services.home import UseMeter
from web_helper.backend.services.labelling.statistics import StatisticsMemory
from web_helper.backend.services.labelling.thumbnails import Thumbnails
from web_helper.backend.services.metrics import Metrics
from web_helper.backend.services.playground.asking import AgentLink

DESCRIPTION = """
v1 (unversioned paths) answers bare objects and numbered pages; v2 answers envelopes and cursor pages. Both honour the
same filters and refuse unknown ones.
"""


# Less than the ten seconds that a supervisor gives before it kills.
DRAIN_SECONDS = 3


def create_app(settings: Settings) -> FastAPI:
    """The server over an installation; `bootstrap` must have prepared its database."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        app.state.progress.close()
        app.state.thumbnails.close()
        app.state.database.dispose()
        await app.state.agent_link.close()

    # No page of interactive documentation: those of FastAPI load scripts from another host.
    app = FastAPI(
        title="Synapse",
        version="2",
        description=DESCRIPTION,
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.database = Database(settings.sqlalchemy_url)
    app.state.metrics = Metrics(app.state.database)
    app.state.signer = UrlSigner(settings)
    app.state.agent_link = AgentLink()
    app.state.stream_slots = StreamSlots(settings.max_export_streams, "export streams")
    app.state.log_slots = StreamSlots(settings.max_log_followers, "logs that are followed")
    app.state.progress = ProgressHub(app.state.database)
    app.state.use_meter = UseMeter()
    app.state.thumbnails = Thumbnails(settings.thumbnail_dir)
    app.state.statistics = StatisticsMemory()
    app.state.kept_packed = KeptPacked()
    metrics, streams, hub = app.state.metrics, app.state.stream_slots, app.state.progress
    metrics.show("synapse_export_stream_connections", "Export streams that are open.", lambda: streams.taken)
    logs = app.state.log_slots
    metrics.show("synapse_log_followers", "Connections that follow an experiment's log.", lambda: logs.taken)
    metrics.show("synapse_job_watchers", "Connections that follow a job.", lambda: hub.watchers)
    install_error_handlers(app)
    app.add_middleware(RequestEdge)
    app.add_middleware(RequestMeter, metrics=app.state.metrics)
    for router in ROUTERS:
        # Not `include_router`, which builds every route a second time: the routers know their own tags and errors.
        app.router.routes.extend(router.routes)
    app.router.middleware_stack = RoutesByHead(app.router.middleware_stack, app.router.routes)
    return app


def _send_at_once(descriptor: int) -> None:
    """Let no answer on these connections wait for the acknowledgement of the one before, which takes its caller 40 ms.

    uvicorn takes a socket that it is given for one of this machine's own, where nothing waits.
    """
    with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as listener:
        # Connections have it from the socket that accepts them.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main() -> None:
    """Serve until stopped."""
    import uvicorn

    from web_helper.backend.services.bootstrap import bootstrap

    parser = argparse.ArgumentParser(description="Serve the Synapse API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--fd", type=int, help="serve this listening socket instead of opening one")
    arguments = parser.parse_args()
    configure_event_log()
    settings = Settings()
    bootstrap(settings)
    app = create_app(settings)
    settle_memory()
    if arguments.fd is not None:
        _send_at_once(arguments.fd)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        fd=arguments.fd,
        # Paths of signed links and of heartbeats are keys.
        access_log=False,
        # Watchers and readers of streams come back to the next server; nobody has to wait until they have seen the end.
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()
