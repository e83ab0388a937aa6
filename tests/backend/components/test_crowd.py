"""Eight workers that synchronise while eight people activate: whole sets everywhere, and nobody is refused."""

import threading

import pytest

from tests.backend.components.store import API
from tests.backend.components.worker import Worker
from web_helper.middleend.component_manager import SyncStrategy

PEOPLE, WORKERS, ROUNDS = 8, 8, 4
PATHS = ["model/net.py", "loss/ce.py", "agent/fit.py", "metric/acc.py"]
CONFIG = "model: net\nloss: ce\nagent: fit\nmetric: acc\n"


def changes(number: int) -> list[dict]:
    return [{"path": path, "content": f"n = {number}\n# {path}\n"} for path in PATHS]


@pytest.fixture
def crowd(tmp_path, transport, admin_token, store):
    store.post("/changes", {"changes": changes(0)})
    made = [Worker(tmp_path / f"worker-{number}", transport, admin_token) for number in range(WORKERS)]
    for worker in made:
        worker.config.write_text(CONFIG)
    yield made
    for worker in made:
        worker.manager.close()


def test_everybody_has_a_whole_set_at_every_moment_and_nobody_is_refused(crowd, store):
    statuses: list[int] = []
    mixed: list[set[str]] = []
    failed: list[object] = []

    def activate(person: int) -> None:
        for number in range(ROUNDS):
            body = {"changes": changes(person * ROUNDS + number + 1), "reason": f"person {person}"}
            statuses.append(store.client.post(f"{API}/changes", json=body).status_code)

    def synchronise(worker: Worker) -> None:
        for _ in range(ROUNDS):
            result = worker.sync(SyncStrategy.SERVER_AUTHORITATIVE)
            failed.extend(result.failed)
            seen = {worker.get(path).partition("\n")[0] for path in PATHS}
            if len(seen) != 1:
                mixed.append(seen)

    threads = [threading.Thread(target=activate, args=(number,)) for number in range(PEOPLE)]
    threads += [threading.Thread(target=synchronise, args=(worker,)) for worker in crowd]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * (PEOPLE * ROUNDS)
    assert (mixed, failed) == ([], [])
    for worker in crowd:
        worker.sync(SyncStrategy.SERVER_AUTHORITATIVE)
    last = {tuple(worker.get(path) for path in PATHS) for worker in crowd}
    assert len(last) == 1
    # One set each, and what was first: every change is on record, none twice.
    assert len(store.log(limit=200)) == PEOPLE * ROUNDS + 1
    assert [each["version_count"] for each in store.get("/versions")] == [PEOPLE * ROUNDS + 1] * len(PATHS)
