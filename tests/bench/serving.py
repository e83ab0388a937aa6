"""What serving costs: a model's throughput behind HTTP, against the same model called in a loop.

Rounds of both alternate, so that a neighbour's work on this machine disturbs both. The CPU ratio is what a replica, which
computes one thing at a time, can reach at most: the model's own CPU time by all that its replica used for each request.
"""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2

from synapse_agent.engines.serving import process as processes
from synapse_agent.engines.serving.host import memory_variables
from synapse_agent.services.serving_setup import open_serving
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.wire.serve import CapacityRequest, ServeDeploy, ServeOptions, ServeResources, ServeState
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.served_model import SIDE, SMALL_SIDE

HERE = Path(__file__).parent
NAME = "bench@1.0.0"
CALLERS = (1, 8, 32)
LEAST = 0.9
REFUSED_SECONDS = 1.0
ROUND_SECONDS = 2.0
KEPT = memory_variables(ServeDeploy(name=NAME, route_prefix="/bench", entrypoint="served_model:Segmenter", folder="."))
_TICK = os.sysconf("SC_CLK_TCK")


def serving(rounds: int) -> Iterator[Goal]:
    """Deploy, ask at several widths, ask for what never fits."""
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name, BackendClient("http://127.0.0.1:9") as nobody:
        home = Path(name)
        parts = open_serving(home / "agent", nobody, report_seconds=3600)
        host = parts.serving
        release = home / "release"
        release.mkdir()
        (release / "served_model.py").write_text((HERE / "served_model.py").read_text())
        host.engine.start()
        try:
            cold, state = _deploy(host, release, 5)
            warm, state = _deploy(host, release, 6)
            yield Goal("serving: deploy to RUNNING, first", cold, None, "s")
            yield Goal("serving: deploy to RUNNING, again", warm, None, "s")
            for callers in CALLERS:
                yield from _throughput(host.engine, state, callers, rounds)
            yield from _throughput(host.engine, state, max(CALLERS), rounds, side=SMALL_SIDE)
            began = time.monotonic()
            answer = host.capacity.check(CapacityRequest(num_cpus=10_000))
            assert not answer.allowed
            yield Goal("serving: what never fits is refused", time.monotonic() - began, REFUSED_SECONDS, "s")
        finally:
            host.engine.stop()


def _deploy(host, release: Path, ongoing: int) -> tuple[float, ServeState]:
    spec = ServeDeploy(
        name=NAME,
        route_prefix="/bench",
        entrypoint="served_model:Segmenter",
        folder=str(release),
        resources=ServeResources(num_cpus=1),
        options=ServeOptions(max_ongoing_requests=ongoing),
    )
    began = time.monotonic()
    revision = host.deploy(spec).revision
    while (state := host.state(NAME)).status != "RUNNING" or state.revision != revision:
        assert not state.status.is_failure, state.message
        time.sleep(0.02)
    return time.monotonic() - began, state


def _throughput(engine, state: ServeState, callers: int, rounds: int, *, side: int = SIDE) -> Iterator[Goal]:
    ratios, cpu_ratios = [], []
    for _ in range(max(3, rounds)):
        alone, model_cpu = run_loop(side)
        asked, replica_cpu = _ask(engine, state, callers, side)
        after, model_cpu_after = run_loop(side)
        ratios.append(asked / ((alone + after) / 2))
        cpu_ratios.append((model_cpu + model_cpu_after) / 2 / replica_cpu)
    facts = {"ratios": ratios, "model_ms": 1000 * model_cpu}
    what = f"{callers} callers, model of {1000 * model_cpu:.0f} ms"
    # The small model is there to tell what a request costs.
    limit = LEAST if side == SIDE else None
    yield Goal(f"serving: throughput of the model's own, {what}", middle(ratios), limit, "x", True, facts)
    yield Goal(f"serving: model's share of its replica's CPU, {what}", middle(cpu_ratios), limit, "x", True)


def run_loop(side: int, variables: Mapping[str, str] = KEPT) -> tuple[float, float]:
    """Calls per second of the model alone, and its CPU seconds per call; with a replica's share of cores and memory."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", "tests.bench.served_model", str(ROUND_SECONDS), str(side)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    rate, cpu = map(float, done.stdout.split())
    return rate, cpu


def _ask(engine, state: ServeState, callers: int, side: int) -> tuple[float, float]:
    """Requests per second, and CPU seconds of the replica per request."""
    pids = list(processes.marked(engine._id))
    stop, counts = threading.Event(), [0] * callers
    with httpx2.Client(trust_env=False, timeout=60, limits=httpx2.Limits(max_connections=callers)) as client:

        def call(number: int) -> None:
            while not stop.is_set():
                answer = client.post(f"{state.endpoint}/", json={"seed": number, "side": side})
                assert answer.status_code == 200, answer.text
                counts[number] += 1

        threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        began, used, before = time.monotonic(), cpu_of(pids), sum(counts)
        time.sleep(ROUND_SECONDS)
        seconds, cpu, done = time.monotonic() - began, cpu_of(pids) - used, sum(counts) - before
        stop.set()
        for thread in threads:
            thread.join()
    return done / seconds, cpu / done


def cpu_of(pids: list[int]) -> float:
    """CPU seconds that processes have used."""
    seconds = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / _TICK
    return seconds


if __name__ == "__main__":
    goals = list(serving(3))
    print_goals(goals)
    sys.exit(any(goal.is_met is False for goal in goals))
