"""Several people and workers at once, on both databases: what is frozen is one moment's set, and nothing answers 5xx."""

import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.experiments import RunOutcome
from tests.backend.experiments.lab import CONFIG

PEOPLE = 4
ROUNDS = 6


def at_once(*works: Callable[[], None]) -> None:
    """Run all of them at the same time; the first failure is the test's."""
    failures: list[BaseException] = []
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            gate.wait()
            work()
        except BaseException as exc:  # noqa: BLE001 - whatever it is, the test tells
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def pair_of(number: str) -> dict[str, str]:
    return {"model/net.py": f"pair = {number!r}\n", "loss/ce.py": f"pair = {number!r}  # too\n"}


def numbers_of(lab) -> dict[str, str]:
    """Which pair each version belongs to."""
    found = {}
    for path in pair_of(""):
        category, name = path.removesuffix(".py").split("/")
        for version in lab.store.list_versions(category, name, include_content=True):
            _, _, quoted = version["content"].partition("pair = '")
            found[f"{path}@{version['hash']}"] = quoted.partition("'")[0]
    return found


def test_what_is_frozen_is_one_moments_set_while_others_activate(lab):
    lab.put(pair_of("start"))
    uids: list[str] = []

    def activate(person: int) -> None:
        for number in range(ROUNDS):
            lab.put(pair_of(f"{person}-{number}"))

    def submit() -> None:
        for _ in range(ROUNDS):
            uids.extend(run["uid"] for run in lab.submit(f"{CONFIG}lr: [1, 2]\n"))

    at_once(*[partial(activate, person) for person in range(PEOPLE)], *[submit] * PEOPLE)

    numbers = numbers_of(lab)
    assert len(uids) == len(set(uids)) == PEOPLE * ROUNDS * 2
    for uid in uids:
        components = lab.people.get_experiment(uid)["components"]
        pair = {numbers[f"{path}@{each['hash']}"] for path, each in components.items()}
        assert len(pair) == 1, components
        assert "" not in pair


def test_of_many_wishes_at_once_one_is_the_end(lab):
    host = lab.host()
    for _ in range(ROUNDS):
        uid = lab.submit_one()
        job = host.take()
        host.start(job)

        at_once(
            partial(unless_refused, lab.people.cancel, uid),
            partial(unless_refused, lab.people.pause, uid),
            partial(unless_refused, host.end, job, RunOutcome.COMPLETED),
            partial(unless_refused, host.end, job, RunOutcome.FAILED),
            partial(host.beat, job),
        )

        shown = lab.people.get_experiment(uid)
        assert shown["status"] in {"cancelled", "completed", "failed"}
        assert shown["finished_at"] is not None


def unless_refused(act: Callable[..., object], *arguments: object) -> None:
    with suppress(ConflictError):
        act(*arguments)


@pytest.mark.parametrize("kind", ["key", "manifest", "delta"])
def test_the_same_request_from_many_connections_does_its_work_once(lab, kind):
    uid = lab.submit_one()
    host = lab.host()
    job = host.take()
    acts = {
        "key": lambda: lab.submit(key="one"),
        "manifest": lambda: host.start(job),
        "delta": lambda: host.client.send_log(uid, job.attempt, 0, b"hello\n"),
    }
    if kind == "delta":
        host.start(job)

    def act() -> None:
        try:
            acts[kind]()
        except ConflictError:
            # Two at the very same moment: whoever came second may be told so, and asks again.
            acts[kind]()

    at_once(*[act] * 8)

    assert len(lab.people.list_experiments()) == (2 if kind == "key" else 1)
    if kind == "delta":
        assert host.client.get_received(uid).log == 6


def test_people_who_act_on_one_grid_by_different_runs_wait_for_each_other(lab):
    lab.put(pair_of("grid"))
    runs = [run["uid"] for run in lab.submit(f"{CONFIG}lr: [1, 2, 3, 4, 5, 6, 7, 8]\n")]

    def hold_and_let_go(uid: str) -> None:
        for _ in range(ROUNDS):
            for act in ("pause", "resume"):
                assert sum(lab.people.move_grid(uid, act).values()) == len(runs)

    at_once(*[partial(hold_and_let_go, uid) for uid in (runs[0], runs[-1], runs[3], runs[5])])

    assert {lab.status(uid) for uid in runs} == {"queued"}
