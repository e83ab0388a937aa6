"""An application that is asked by many threads at once, with nothing but an agent's answers in between."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx2

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
            self._together.wait(30)
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
