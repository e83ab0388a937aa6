"""The shipped test transports behave as a network with a server at its end does."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport

URL = "http://testserver"


class App:
    """An application that says what it got."""

    def __init__(self):
        self.started = self.stopped = False
        self.gone = threading.Event()
        self.app = Starlette(
            lifespan=self.lifespan,
            routes=[
                Route("/echo/{name}", self.echo, methods=["GET", "POST", "HEAD"]),
                Route("/endless", self.endless),
                Route("/hang", self.hang),
                Route("/boom", self.boom),
                Route("/half", self.half),
            ],
        )

    @asynccontextmanager
    async def lifespan(self, app):
        self.started = True
        yield {"shared": "state"}
        self.stopped = True

    async def echo(self, request):
        chunks = [len(chunk) async for chunk in request.stream() if chunk]
        return JSONResponse(
            {
                "name": request.path_params["name"],
                "query": dict(request.query_params),
                "chunks": chunks,
                "state": request.state.shared,
                "header": request.headers.get("x-test"),
            }
        )

    async def endless(self, request):
        async def lines():
            try:
                number = 0
                while True:
                    yield f"{number}\n"
                    number += 1
                    await asyncio.sleep(0)
            finally:
                self.gone.set()

        return StreamingResponse(lines())

    async def hang(self, request):
        await asyncio.sleep(60)

    async def boom(self, request):
        raise ValueError("on purpose")

    async def half(self, request):
        async def body():
            yield b"half"
            raise ValueError("on purpose")

        return StreamingResponse(body())


@pytest.fixture
def app():
    return App()


@pytest.fixture
def client(app):
    with InProcessTransport(app.app) as transport, httpx2.Client(transport=transport, base_url=URL) as client:
        yield client


def test_requests_arrive_whole(client):
    answer = client.post("/echo/a%20b?x=1&y=%2C", content=iter([b"12", b"345"]), headers={"X-Test": "yes"})
    assert answer.json() == {
        "name": "a b",
        "query": {"x": "1", "y": ","},
        "chunks": [2, 3],
        "state": "state",
        "header": "yes",
    }


def test_a_head_request_has_no_body(client):
    answer = client.head("/echo/a")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_applications_lifespan_is_run(app):
    with InProcessTransport(app.app):
        assert app.started
        assert not app.stopped
    assert app.stopped


def test_an_application_without_lifespan_works():
    with (
        InProcessTransport(PlainTextResponse("hello")) as transport,
        httpx2.Client(transport=transport) as client,
    ):
        assert client.get(URL).text == "hello"


def test_bodies_are_streamed_and_a_reader_that_leaves_is_noticed(client, app):
    with client.stream("GET", "/endless") as response:
        lines = response.iter_lines()
        assert [next(lines) for _ in range(3)] == ["0", "1", "2"]
    assert app.gone.wait(60)


def test_a_hanging_application_is_a_read_timeout(client):
    with pytest.raises(httpx2.ReadTimeout):
        client.get("/hang", timeout=0.1)


def test_an_application_that_fails_answers_500_as_behind_a_real_server(client):
    assert client.get("/boom").status_code == 500


def test_an_application_that_fails_in_the_middle_breaks_the_connection(client):
    with pytest.raises(httpx2.RemoteProtocolError):
        client.get("/half")


def test_many_threads_may_share_it(client):
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: client.get(f"/echo/{n}").json()["name"], range(100)))
    assert answers == [str(n) for n in range(100)]


@pytest.fixture
def faulty(app):
    with InProcessTransport(app.app) as transport:

        def build(*faults):
            wire = FaultyTransport(transport, faults)
            return wire, httpx2.Client(transport=wire, base_url=URL)

        yield build


def test_a_fault_lets_some_pass_breaks_some_and_is_used_up(faulty):
    wire, client = faulty(Fault("^/echo/", method="GET", status=503, skip=1, times=2, headers={"Retry-After": "1"}))
    statuses = [client.get("/echo/a").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert client.post("/echo/a").status_code == 200
    assert (wire.count("/echo/"), wire.count("/echo/", "POST"), wire.count("/other")) == (5, 1, 0)


def test_a_fault_raises_what_a_network_raises(faulty):
    _, client = faulty(Fault("/echo/", error=httpx2.ConnectTimeout))
    with pytest.raises(httpx2.ConnectTimeout):
        client.get("/echo/a")


def test_a_body_is_cut_after_so_many_bytes(faulty):
    _, client = faulty(Fault("/endless", cut_after=5))
    with client.stream("GET", "/endless") as response:
        received = response.iter_raw(1)
        assert b"".join(islice(received, 5)) == b"0\n1\n2"
        with pytest.raises(httpx2.ReadError):
            next(received)
