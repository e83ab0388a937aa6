"""An application that is asked by many threads at once, with nothing but an agent's answers in between."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from synapse_agent.api.serve_applications import open_forwarding, router
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.utils.retry import NO_RETRY

CALLERS = 16


class Agent(httpx2.BaseTransport):
    """Tells where the application is, and answers in its place; what it has broken off once stays up."""

    def __init__(self, *, is_broken=False):
        self.accesses = 0
        self._lock, self._broken = threading.Lock(), threading.Semaphore(CALLERS if is_broken else 0)
        self._together = threading.Barrier(CALLERS)

    def handle_request(self, request):
        if request.url.path.endswith("/access/"):
            with self._lock:
                self.accesses += 1
            return httpx2.Response(200, json={"endpoint": "http://127.0.0.1:9", "route_prefix": "/p", "token": "t"})
        if self._broken.acquire(blocking=False):
            # All of them lose their connection at the same moment, as when a replica ends.
            self._together.wait(120)
            raise httpx2.RemoteProtocolError("gone", request=request)
        return httpx2.Response(200, json={"model": request.headers["serve_multiplexed_model_id"]})


def ask_at_once(agent):
    looked_up = []
    with (
        AgentClient("http://127.0.0.1:9", "key", transport=agent, retry=NO_RETRY) as client,
        ThreadPoolExecutor(CALLERS) as pool,
    ):

        def ask(_number):
            find = ("1", lambda: looked_up.append(1) or {"id": 1})
            return client.infer_serve_application("app@1", find_model=find, json={})

        answers = list(pool.map(ask, range(CALLERS)))
    return answers, looked_up


def test_callers_at_once_look_a_model_up_once():
    agent = Agent()
    answers, looked_up = ask_at_once(agent)
    assert answers == [{"model": "t"}] * CALLERS
    assert (agent.accesses, len(looked_up)) == (1, 1)


def test_callers_that_lose_a_replica_at_once_all_get_their_answer():
    answers, _ = ask_at_once(Agent(is_broken=True))
    assert answers == [{"model": "t"}] * CALLERS


@pytest.fixture
def application():
    """An application that gives whoever asks a cookie, and what was sent to it."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            received.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Set-Cookie", "who=the-first")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
        thread.join()


def test_what_an_application_gives_one_asker_is_not_sent_for_the_next(application):
    url, received = application

    async def ask_twice():
        async with open_forwarding() as client:
            return [(await client.get(url)).headers["Set-Cookie"] for _ in range(2)]

    assert asyncio.run(ask_twice()) == ["who=the-first"] * 2
    assert [headers.get("cookie") for headers in received] == [None, None]


class Serving:
    def __init__(self, endpoint):
        self._endpoint = endpoint

    def endpoint_of(self, _prefix):
        return self._endpoint


def test_keys_of_the_platform_stay_at_the_agent_and_the_applications_own_go_on(application):
    url, received = application
    agent = FastAPI()
    agent.include_router(router)
    agent.state.serving, agent.state.forwarding = Serving(url.rstrip("/")), open_forwarding()
    platform = {"Authorization": "Token syn_a", "SYNAPSE-ACCESS-TOKEN": "syn_a", "X-API-Key": "syn_a"}
    with TestClient(agent) as caller:
        caller.get("/serve/p/", headers={**platform, "Cookie": "who=me; synapse_session=syn_a; how=so"})
        caller.get("/serve/p/", headers={"X-API-Key": "its-own", "Cookie": "synapse_session=syn_a", "X-Empty": ""})
    first, second = received
    assert not any("syn_a" in value for headers in received for value in headers.values())
    assert (first["cookie"], "x-api-key" in first) == ("who=me; how=so", False)
    assert (second["x-api-key"], second["x-empty"], "cookie" in second) == ("its-own", "", False)
