"""Eight workers that synchronise while eight people activate: the longest that anybody waited for an answer."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx2

from synapse_sdk.clients.components import ComponentClient
from tests.bench.goals import Goal
from tests.bench.platform import Bench
from web_helper.middleend.component_manager import ComponentManager, SyncStrategy

WORKERS, PEOPLE, ROUNDS, PATHS = 8, 8, 8, 20


class Waits(httpx2.BaseTransport):
    """Notes how long each answer took, and each that is a fault of the server's."""

    def __init__(self) -> None:
        self.inner = httpx2.HTTPTransport()
        self.seconds: list[float] = []
        self.faults = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        began = time.perf_counter()
        response = self.inner.handle_request(request)
        self.seconds.append(time.perf_counter() - began)
        self.faults += response.status_code >= 500
        return response

    def close(self) -> None:
        self.inner.close()


def crowd(bench: Bench) -> Iterator[Goal]:
    """Everybody at once, each with a connection of their own."""
    url, token, paths = bench.platform.url, bench.platform.token, [f"sampler/crowd_{n}.py" for n in range(PATHS)]
    waits = [Waits() for _ in range(WORKERS + PEOPLE)]
    config = bench.folder / "crowd.yaml"
    names = "".join(f"  s{number}: crowd_{number}\n" for number in range(PATHS))
    config.write_text(f"sampler:\n{names}")

    def change(client: ComponentClient, mark: str) -> None:
        client.change([{"path": path, "content": f"mark = {mark!r}\n# {path}\n"} for path in paths])

    def activate(number: int) -> None:
        with ComponentClient(url, token, transport=waits[number]) as client:
            for each in range(ROUNDS):
                change(client, f"{number}-{each}")

    def synchronise(number: int) -> None:
        root = bench.folder / f"crowd-{number}"
        (root / "cvlabkit").mkdir(parents=True)
        manager = ComponentManager(url, root, token, SyncStrategy.SERVER_AUTHORITATIVE, transport=waits[number])
        for _ in range(ROUNDS):
            manager.sync_with_strategy(config)
        manager.close()

    with ComponentClient(url, token) as client:
        change(client, "first")
    _at_once(
        [lambda n=n: activate(n) for n in range(PEOPLE)] + [lambda n=n: synchronise(PEOPLE + n) for n in range(WORKERS)]
    )
    seconds = sorted(each for wait in waits for each in wait.seconds)
    facts = {"requests": len(seconds), "median_s": seconds[len(seconds) // 2], "faults": sum(w.faults for w in waits)}
    for wait in waits:
        wait.close()
    yield Goal(f"{WORKERS} workers and {PEOPLE} people at once: the longest wait", seconds[-1], 1.0, "s", facts=facts)


def _at_once(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
