"""Pre-annotation from a model, all of it: tasks per second against the same model called in a loop.

A platform with its agent serves the model by one replica; the run asks for every task and submits the answers. Rounds of the
loop and of runs alternate. A run's beginning (until its first answer) and its end (from its last) take as long however many
tasks there are, so they are told apart from what each task costs. `python -m tests.bench.from_model [tasks] [rounds]`.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synapse_agent.engines.serving import process as processes
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ConflictError
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.platform import Bench, open_bench
from tests.bench.served_model import SIDE
from tests.bench.serving import CALLERS, LEAST, REFUSED_SECONDS, cpu_of, run_loop
from tests.bench.to_task import prepare

HERE = Path(__file__).parent
CODE = "bench-model"
CONFIG = f"""\
name: Bench
code: {CODE}
version: 1.0.0
category: neural_net
data_type: image
actions:
  to_task: {{entrypoint: plugin.model.ToTask, method: job}}
  inference:
    entrypoint: plugin.model.Segmenter
    method: serve
    required_resources: {{required_cpu_count: 1, required_gpu_count: 0}}
  deployment: {{entrypoint: plugin.model.Deployment}}
"""


def from_model(count: int, rounds: int) -> Iterator[Goal]:
    """Runs at several widths, then a deployment that never fits."""
    with open_bench() as bench, BackendClient(bench.platform.url, bench.platform.token) as client:
        release = _publish(bench, client)
        (agent,) = client.list_agents()["results"]
        project = prepare(bench, "yolo", count)
        facts = {"agent": agent["id"], "url": agent["url"], "project": project, "release": release}
        for callers in CALLERS:
            yield from _compare(bench, client, facts, callers=callers, rounds=rounds)
        began = time.monotonic()
        body = {"agent": agent["id"], "action": "deployment", "params": {"num_cpus": 10_000}}
        try:
            client.run_plugin(CODE, body)
        except ConflictError:
            seconds = time.monotonic() - began
            yield Goal("a deployment that never fits is refused by the server", seconds, REFUSED_SECONDS, "s")


def _publish(bench: Bench, client: BackendClient) -> int:
    folder = bench.folder / CODE
    (folder / "plugin").mkdir(parents=True)
    (folder / "plugin" / "__init__.py").touch()
    (folder / "plugin" / "model.py").write_text((HERE / "served_model.py").read_text())
    (folder / "config.yaml").write_text(CONFIG)
    return int(publish_plugin(pack_plugin(folder, bench.folder, notify=lambda _: None), client).release_id)


@dataclass(frozen=True)
class _Run:
    """One run: what it took until its first answer, from there to its last, and after that; and its CPU seconds."""

    count: int
    begin: float
    steady: float
    end: float
    cpu: float
    replica_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Tasks per second, with beginning and end."""
        return self.count / (self.begin + self.steady + self.end)

    @property
    def steady_rate(self) -> float:
        """Tasks per second from the first answer to the last."""
        return (self.count - 1) / self.steady


def _compare(bench: Bench, client: BackendClient, facts: dict, *, callers: int, rounds: int) -> Iterator[Goal]:
    runs: list[tuple[_Run, float]] = []
    shares, plainly = [], []
    for number in range(rounds + 1):
        alone, model_cpu = run_loop(SIDE)
        # Another model each time: what is done with the same one is skipped.
        model = client.create_model({"name": f"{callers}-{number}"})["id"]
        run = _run(bench, facts, callers, model)
        after, model_cpu_after = run_loop(SIDE)
        # The first deploys the model, or finds a replica that has not answered yet.
        if number:
            runs.append((run, (alone + after) / 2))
            shares.append((model_cpu + model_cpu_after) / 2 / run.replica_cpu)
            plainly.append(run.steady_rate / run_loop(SIDE, {})[0])
    what = f"{callers} at once, model of {1000 * model_cpu:.0f} ms"
    yield from _goals(runs, what)
    yield Goal(f"the same, of a loop whose memory is not kept, {what}", middle(plainly), LEAST, "x", True)
    yield Goal(f"from a model: model's share of its replica's CPU, {what}", middle(shares), LEAST, "x", True)


def _goals(runs: list[tuple[_Run, float]], what: str) -> Iterator[Goal]:
    steady = [run.steady_rate / alone for run, alone in runs]
    whole = [run.rate / alone for run, alone in runs]
    count = runs[0][0].count
    yield Goal(
        f"from a model: throughput of the model's own, {what}", middle(steady), LEAST, "x", True, {"all": steady}
    )
    told = f"the same, a run of {count} tasks with its beginning and end"
    yield Goal(f"{told}, {what}", middle(whole), LEAST, "x", True, {"all": whole})
    for part, words in (("begin", "until the first answer"), ("end", "after the last answer")):
        yield Goal(f"the run's own: {words}, {what}", middle(getattr(run, part) for run, _ in runs), None, "s")
    yield Goal(f"the run's CPU per task, {what}", 1000 * middle(run.cpu / run.count for run, _ in runs), None, "ms")


def _run(bench: Bench, facts: dict, callers: int, model: int) -> _Run:
    command = [sys.executable, "-m", "tests.bench.from_model", "--run", str(callers), str(model)]
    command += [str(facts[name]) for name in ("agent", "url", "project", "release")]
    token = (bench.platform.home.path / "agent" / "api.token").read_text().strip()
    variables = {**os.environ, **bench.variables, "AGENT_TOKEN": token}
    before = _replica_cpu(bench)
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    return _Run(**told, replica_cpu=(_replica_cpu(bench) - before) / told["count"])


def _replica_cpu(bench: Bench) -> float:
    """CPU seconds of what the platform's agent serves."""
    engine = hashlib.sha256(str(bench.platform.home.path / "agent" / "serving").encode()).hexdigest()[:10]
    return cpu_of(list(processes.marked(engine)))


def annotate(callers: int, model: int, facts: list[str]) -> None:
    """What a run's own process does; prints the tasks and what they took."""
    from synapse_sdk.loggers import NoOpLogger
    from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
    from tests.bench.served_model import ToTask

    agent, url, project, release = facts
    client = BackendClient(os.environ["SYNAPSE_HOST"], os.environ["SYNAPSE_ACCESS_TOKEN"])
    on_agent = AgentClient(url, os.environ["AGENT_TOKEN"])
    ctx = RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({}), client=client, agent_client=on_agent)
    params = {"name": "bench", "project": int(project), "agent": int(agent), "method": "inference", "model": model}
    params |= {"pre_processor": int(release), "concurrency": callers, "poll_interval_seconds": 0.2}
    began, used = time.monotonic(), time.process_time()
    result = ToTask.dispatch(params, ctx)
    over, cpu = time.monotonic(), time.process_time() - used
    assert not result.failures, result.failures[:3]
    assert not result.skipped_count
    first, last = min(ToTask.answered), max(ToTask.answered)
    parts = {"begin": first - began, "steady": last - first, "end": over - last}
    print(json.dumps({"count": result.success_count, "cpu": cpu, **parts}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        annotate(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        given = [int(word) for word in sys.argv[1:]] or [600]
        goals = list(from_model(given[0], given[1] if given[1:] else 3))
        print_goals(goals)
        sys.exit(any(goal.is_met is False for goal in goals))
