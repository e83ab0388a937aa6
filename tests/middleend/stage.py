"""A real server and real workers, as processes of their own, and experiments of components that need no torch."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.experiments import ExperimentClient
from tests.agent.stage import Stage as ServerStage
from tests.agent.stage import clean_env, until
from tests.cvlabkit.tree import CONFIG, FILES
from tests.middleend.kit import processes_with

ENDED = {"completed", "failed", "cancelled", "expired", "crashed"}
AGENT = FILES["agent/fitter.py"]
# It prints, so that there is a log; it counts its starts outside its own tree; it can be told to take its time.
TALKING = f"""\
import os
import time
from pathlib import Path
{AGENT}
    def train_epoch(self):
        if self.epoch == 0:
            with Path(self.config.get("count", os.devnull)).open("a") as file:
                file.write("x")
        gate = self.config.get("gate")
        while gate is not None and self.epoch > 0 and not Path(gate).exists():
            time.sleep(0.02)
        print("epoch", self.epoch, flush=True)
        return super().train_epoch()
"""
COMPONENTS = {name.removeprefix("component/"): text for name, text in FILES.items()} | {"agent/fitter.py": TALKING}


class Stage(ServerStage):
    """One server; workers and experiments as a test asks for them."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.experiments = ExperimentClient(self.url, self.token)
        self.components = ComponentClient(self.url, self.token)
        self.workers: list[WorkerProcess] = []
        self.put(COMPONENTS)

    def put(self, contents: dict[str, str]):
        """Upload and activate."""
        self.components.change([{"path": path, "content": text} for path, text in contents.items()])

    def submit(self, config: str = CONFIG, **options) -> dict:
        (made,) = self.experiments.submit(config, **options)
        return made

    def show(self, uid: str) -> dict:
        return self.experiments.get_experiment(uid)

    def wait(self, uid: str, *statuses: str, seconds: float = 120.0) -> dict:
        wanted = set(statuses) or ENDED
        return until(lambda: (row := self.show(uid))["status"] in wanted and row, seconds, lambda: self.explain(uid))

    def explain(self, uid: str) -> str:
        logs = "\n".join(f"{worker.name}: {worker.log()[-3000:]}" for worker in self.workers)
        return f"{self.show(uid)}\n{self.log(uid)}\n{logs}"

    def log(self, uid: str) -> str:
        return "".join(event["text"] for event in self.experiments.follow_log(uid, follow=False))

    def metrics(self, uid: str) -> list[dict]:
        return self.experiments.get_metrics(uid)["rows"]

    def start_worker(self, name: str = "gpu-1", **options) -> "WorkerProcess":
        worker = WorkerProcess(self, name, options)
        self.workers.append(worker)
        return worker

    def close(self):
        for worker in self.workers:
            worker.kill()
            worker.kill_runs()
        self.experiments.close()
        self.components.close()
        super().close()


class WorkerProcess:
    """`synapse worker up`, as a user calls it."""

    program = "synapse_sdk"

    def __init__(self, stage: Stage, name: str, options: dict):
        self.stage, self.name, self.work = stage, name, stage.folder / name
        self.process: subprocess.Popen | None = None
        self.start(**options)

    def start(self, *, flags: tuple[str, ...] = (), jobs: int = 1, token: str | None = ""):
        arguments = ["worker", "up", "--server", self.stage.url, "--work", str(self.work), "--device-name", self.name]
        arguments += ["--jobs", str(jobs), "--json", "--heartbeat-seconds", "0.3", "--poll-seconds", "0.2", *flags]
        env = clean_env() | {"HOME": str(self.stage.folder)}
        if token is not None:
            env["SYNAPSE_ACCESS_TOKEN"] = token or self.stage.token
        with (self.stage.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, *arguments],
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        return (self.stage.folder / f"{self.name}.log").read_text()

    def events(self, name: str) -> list[dict]:
        *whole, _being_written = self.log().split("\n")
        lines = [json.loads(line) for line in whole if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def kill(self, number: int = signal.SIGKILL) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(120)

    def kill_runs(self):
        """What a failed test left running, by its own mark."""
        for pid in processes_with(f"SYNAPSE_EXPERIMENT_RUN={self.work}"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
