"""What the pre-annotation seed leaves out, for real: a server, an agent, a project, a model and pre-processors."""

from __future__ import annotations

import sqlite3
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.plugins.packaging.publish import pack_plugin, publish_plugin
from synapse_sdk.wire.serve import ServeReport, ServeResources, ServeState
from tests.agent.stage import AgentProcess, Stage
from tests.seeds.cut import cut, seed_lines

SEED = "001"
LEAN = "required_cpu_count: 0.1\nrequired_gpu_count: 0\n"
PRE_PROCESSOR = """\
import time

from synapse_sdk.plugins.actions.inference import BaseDeploymentAction, BaseServeDeployment


class Finder(BaseServeDeployment):
    async def _get_model(self, model_info):
        return model_info

    async def infer(self, image_path, label="thing"):
        assert image_path.startswith("http"), image_path
        model = await self.get_model()
        found = {"id": 1, "type": "classification", "category": label, "score": 0.75, "attributes": {"model": model["name"]}}
        return {"annotations": [found]}


class Broken(Finder):
    def __init__(self, backend_url=""):
        raise RuntimeError("no weights at https://host/weights?X-Amz-Signature=abc")


class Slow(Finder):
    def __init__(self, backend_url=""):
        super().__init__(backend_url)
        time.sleep(60)


class Deployment(BaseDeploymentAction):
    entrypoint = Served
"""


def line_of(text: str, after: int = 0) -> int:
    """Number of the first line of the seed that begins with a text, from 1."""
    lines = enumerate(seed_lines(SEED), 1)
    return next(number for number, line in lines if number > after and line.startswith(text))


def between(first: str, last: str) -> list[str]:
    """The seed's lines of a section, without those that are empty."""
    lines = seed_lines(SEED)[line_of(first) : line_of(last, line_of(first)) - 1]
    return [line.strip() for line in lines if line.strip()]


def to_task_class() -> str:
    """The seed's first block: a subclass with both hooks."""
    return cut(SEED, line_of("from synapse_sdk.plugins.actions.to_task import"), "000 0 1 0 1 22 0 1 22")


def to_task_config() -> str:
    """The seed's `config.yaml`."""
    return cut(SEED, line_of("actions:"), "0122", width=2)


def resources_config() -> str:
    """The seed's `required_resources`."""
    return cut(SEED, line_of("actions:", line_of("actions:")), "0123333", width=2)


def error_example() -> str:
    """The seed's example of telling failures apart."""
    return cut(SEED, line_of("try:"), "0 1 1 0 1 1 2 2 2 1 2 2 1 2 2 1")


@dataclass
class AgentScene:
    """A stage with its first agent."""

    stage: Stage
    _made: int = field(default=0, init=False)

    def publish(self, code: str, config: str, **modules: str) -> int:
        """Publish a plugin of these modules; answers the release's id."""
        folder = self.stage.folder / "seed-plugins" / code
        (folder / "plugin").mkdir(parents=True)
        (folder / "plugin" / "__init__.py").touch()
        for name, source in modules.items():
            (folder / "plugin" / f"{name}.py").write_text(source)
        (folder / "config.yaml").write_text(f"name: Seed\ncode: {code}\nversion: 1.0.0\n{config}")
        packed = pack_plugin(folder, folder.parent, notify=lambda _: None)
        return int(publish_plugin(packed, self.stage.v1).release_id)

    def publish_pre_processor(self, code: str, served: str = "Finder", resources: str = LEAN) -> int:
        """A pre-processor whose `required_resources` are these lines of YAML."""
        inference = "  inference:\n    entrypoint: plugin.finder.Finder\n    method: serve\n"
        if resources:
            inference += "    required_resources:\n" + textwrap.indent(resources, " " * 6)
        config = "category: neural_net\ndata_type: image\nactions:\n" + inference
        config += "  deployment:\n    entrypoint: plugin.finder.Deployment\n"
        return self.publish(code, config, finder=PRE_PROCESSOR.replace("Served", served))

    def make_model(self) -> int:
        weights = self.stage.folder / "weights.txt"
        weights.write_text("weights")
        facts = {"name": "the model", "metadata": {"file_name": "weights.txt"}}
        return int(self.stage.v1.create_model(facts, file=weights)["id"])

    def make_project(self, count: int = 3) -> int:
        """A project of tasks with an image and a file of labels each."""
        self._made += 1
        folder = self.stage.folder / f"photographs-{self._made}"
        folder.mkdir()
        specifications = [{"name": "image", "is_primary": True}, {"name": "labels", "file_type": "data"}]
        v2, name = self.stage.v2, folder.name
        collection = v2.data_collections.create(name=name, file_specifications=specifications)["id"]
        project = v2.projects.create(name=name, data_collection=collection)["id"]
        pairs = [{"files": _pair(folder, number)} for number in range(count)]
        self.stage.v1.upload_data_collection(collection, pairs, project_id=project)
        return int(project)

    def data_of(self, project: int) -> list[Any]:
        rows, _ = self.stage.v1.list_tasks({"project": project, "expand": "data"}, list_all=True)
        return [row["data"] for row in rows]

    def run(self, code: str, agent: AgentProcess, params: dict[str, Any]) -> dict[str, Any]:
        """A pre-annotation on the agent, to its end."""
        body = {"agent": agent.id, "action": "to_task", "params": params}
        return self.stage.wait(self.stage.v1.run_plugin(code, body)["id"], seconds=200)

    def deployments(self, release: int) -> list[dict[str, Any]]:
        """Parameters of every deployment of a release that was asked for."""
        rows, _ = self.stage.v1.list_jobs({"action": "deployment", "plugin_release": release}, list_all=True)
        return [row["params"] for row in rows]


def _pair(folder: Path, number: int) -> dict[str, Path]:
    image, labels = folder / f"{number}.png", folder / f"{number}.txt"
    Image.new("RGB", (64, 48), (number, 90, 60)).save(image)
    labels.write_text(f"0 0.5 0.5 0.{number + 1} 0.5\n")
    return {"image": image, "labels": labels}


class SpokenAgent:
    """An agent with as much of everything as a test wants, whose applications are in the states that the test says."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        capacity = {"num_cpus": 64, "num_gpus": 8, "memory_bytes": 2**40}
        answer = stage.v2.agents.create(name=name, url="http://127.0.0.1:9", capacity=capacity)
        self.id, self._key, self._capacity = answer["id"], answer["token"], capacity
        self._client = BackendClient(stage.url, agent_token=self._key)
        self.beat()

    def beat(self) -> None:
        self._client.health_check_agent(self._key, {"capacity": self._capacity, "url": "http://127.0.0.1:9"})

    def report(self, **statuses: str) -> None:
        """Say that the agent serves these, by name (`_` stands for `@1.0.0`)."""
        states = [_state(name, status) for name, status in statuses.items()]
        self._client.report_serve_applications(ServeReport(applications=states))

    def fall_silent(self) -> None:
        """As if it had not been heard for hours."""
        with sqlite3.connect(self._stage.home / "synapse.db") as database:
            database.execute("UPDATE agents SET last_seen_at = '2026-01-01 00:00:00' WHERE id = ?", (self.id,))

    def close(self) -> None:
        self._client.close()


def _state(name: str, status: str) -> ServeState:
    return ServeState.model_validate(
        {
            "name": f"{name}@1.0.0",
            "status": status,
            "route_prefix": f"/{name}",
            "endpoint": "http://127.0.0.1:9",
            "num_replicas": 1,
            "replicas": 1,
            "resources": ServeResources(),
            "revision": 1,
            "changed": "2026-01-01T00:00:00Z",
        }
    )
