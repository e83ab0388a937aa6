"""A small server that keeps items, pages and files as the real one does, and records what it was asked."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.retry import RetryPolicy

BASE_URL = "http://testserver"
META = {"request_id": "req-1"}
QUICK = RetryPolicy(retries=3, backoff_seconds=0.0)


@dataclass
class Recorded:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    url_query: str


@dataclass
class PageServer:
    """Answers lists of `total` rows and echoes everything else."""

    total: int = 5
    envelope: str = "data"
    next_origin: str = BASE_URL
    requests: list[Recorded] = field(default_factory=list)

    def app(self) -> Starlette:
        lists = ["/sdk/assignments/", "/sdk/tasks/", "/sdk/ground_truth_events/", "/storages/"]
        routes = [Route(path, self.v1_list) for path in lists]
        routes += [Route(path, self.v2_list) for path in ("/v2/tasks/", "/v2/assignments/")]
        routes.append(Route("/{path:path}", self.echo, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]))
        return Starlette(routes=routes)

    async def record(self, request: Request) -> Recorded:
        query = dict(request.query_params)
        body, url_query = await request.body(), request.url.query
        seen = Recorded(request.method, request.url.path, query, dict(request.headers), body, url_query)
        self.requests.append(seen)
        return seen

    async def v1_list(self, request: Request) -> Response:
        query = (await self.record(request)).query
        page, size = int(query.get("page", 1)), int(query["page_size"])
        rows = [{"id": n} for n in range((page - 1) * size + 1, min(page * size, self.total) + 1)]
        following = f"{self.next_origin}{request.url.path}?page={page + 1}&page_size={size}&secret=1"
        next_url = following if page * size < self.total else None
        return JSONResponse({"count": self.total, "next": next_url, "previous": None, "results": rows})

    async def v2_list(self, request: Request) -> Response:
        query = (await self.record(request)).query
        start, size = int(query.get("cursor", 0)), int(query.get("per_page", 2))
        rows = [{"id": n} for n in range(self.total - start, max(0, self.total - start - size), -1)]
        cursor = str(start + size) if start + size < self.total else None
        if self.envelope == "results":
            url = f"{self.next_origin}{request.url.path}?cursor={cursor}&per_page={size}" if cursor else None
            return JSONResponse({"next": url, "previous": None, "results": rows})
        pagination = {"next_cursor": cursor, "previous_cursor": None, "per_page": size}
        return JSONResponse({"data": rows, "meta": {**META, "pagination": pagination}})

    async def echo(self, request: Request) -> Response:
        seen = await self.record(request)
        if request.url.path.startswith("/v2/"):
            data = [] if "bulk" in request.url.path else {"id": 1, "path": seen.path}
            return JSONResponse({"data": data, "meta": META})
        return JSONResponse({"id": 1, "path": seen.path})


@dataclass
class Bench:
    """Both clients over one faulty wire to the page server."""

    server: PageServer
    wire: FaultyTransport
    v1: BackendClient
    v2: BackendV2Client


@pytest.fixture
def open_bench():
    stack: list[InProcessTransport] = []

    def build(*faults: Fault, **options) -> Bench:
        server = PageServer(**options)
        transport = InProcessTransport(server.app()).__enter__()
        stack.append(transport)
        wire = FaultyTransport(transport, faults)
        return Bench(
            server,
            wire,
            BackendClient(BASE_URL, "syn_secret-of-v1", retry=QUICK, transport=wire),
            BackendV2Client(BASE_URL, access_token="syn_secret-of-v2", retry=QUICK, transport=wire),
        )

    yield build
    for transport in stack:
        transport.__exit__()


@pytest.fixture
def bench(open_bench) -> Iterator[Bench]:
    return open_bench()
