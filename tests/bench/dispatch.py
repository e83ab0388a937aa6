"""How long it takes until something runs: a run of an agent and a Ray job from their dispatch, a model from its deployment.

The agents' own machines are this one, so clocks agree; rounds of both engines alternate. Without Ray only its rows are
missing.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

from synapse_agent.engines.ray.cluster import RayCluster
from synapse_agent.services.serving_setup import OnRay, serve_on_ray
from tests.agent.stage import AgentProcess, Stage
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.serving import _deploy
from tests.engines.ray_cluster import run_ray
from tests.serving.conftest import free_port

HERE = Path(__file__).parent
ROUNDS = 5
ENDED = 180.0


def dispatches(rounds: int) -> Iterator[Goal]:
    """From the request to the action's first line, on each engine."""
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name, ExitStack() as stack:
        stage = Stage(Path(name))
        stack.callback(stage.close)
        agents = {"a run of the agent": stage.start_agent()}
        ray = stack.enter_context(run_ray()) if find_spec("ray") else None
        if ray is not None:
            agents["a Ray job"] = stage.start_agent(ray_address=ray.dashboard)
        code = stage.publish("return time.time()")
        seconds: dict[str, list[float]] = {what: [] for what in agents}
        for number in range(rounds + 1):
            for what, agent in agents.items():
                taken = _dispatch(stage, agent, code)
                # The first fetches the release.
                if number:
                    seconds[what].append(taken)
        for what, found in seconds.items():
            yield Goal(f"dispatch: {what}, asked to its first line", middle(found), None, "s", facts={"all": found})
        if ray is not None:
            yield from _deployments(Path(name), RayCluster(ray.dashboard))


def _dispatch(stage: Stage, agent: AgentProcess, code: str) -> float:
    asked = time.time()
    job = stage.run(code, agent)
    ended = stage.wait(job, seconds=ENDED)
    assert ended["status"] == "succeeded", ended["error"]
    return float(ended["result"]) - asked


def _deployments(folder: Path, cluster: RayCluster) -> Iterator[Goal]:
    home, release = folder / "ray-serving", folder / "release"
    for path in (home, release):
        path.mkdir()
    (release / "served_model.py").write_text((HERE / "served_model.py").read_text())
    host = serve_on_ray(home, "a key", OnRay(cluster, free_port(), folder))
    host.engine.start()
    try:
        for what, ongoing in (("first on the cluster", 5), ("again", 6)):
            taken, _ = _deploy(host, release, ongoing)
            yield Goal(f"Ray Serve: deploy to RUNNING, {what}", taken, None, "s")
    finally:
        host.engine.stop()
        cluster.close()


if __name__ == "__main__":
    goals = list(dispatches(ROUNDS))
    print_goals(goals)
    sys.exit(any(goal.is_met is False for goal in goals))
