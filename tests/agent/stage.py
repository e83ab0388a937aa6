"""A real server and real agents, as processes of their own, and plugins made on the spot."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import uuid
from contextlib import suppress
from pathlib import Path

import yaml

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientError
from synapse_sdk.utils.file.archive import create_archive
from tests.processes import processes_with
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

SECONDS = 120.0
FINAL = {"succeeded", "failed", "stopped"}
PRELUDE = """\
import os, signal, subprocess, sys, time
from pathlib import Path
from pydantic import BaseModel
from synapse_sdk.plugins import BaseAction

class Params(BaseModel):
    value: object = None
    flag: str = ""

class Main(BaseAction[Params]):
    def execute(self):
"""


class Stage:
    """One server; agents and plugins as a test asks for them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.listener = socket.create_server(("127.0.0.1", 0), reuse_port=True)
        self.port = self.listener.getsockname()[1]
        # While the server is away nobody else is given its port.
        self.reserved = reserve(self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = folder / "server"
        self.token = bootstrap(Settings(home=self.home, base_url=self.url)).token
        self.server: subprocess.Popen | None = None
        self.agents: list[AgentProcess] = []
        self.agents_ports: list[socket.socket] = []
        self.start_server()
        self.v1 = BackendClient(self.url, self.token)
        self.v2 = BackendV2Client(self.url, access_token=self.token, allow_insecure=True)
        try:
            until(self.is_up, 120.0, (folder / "server.log").read_text)
        except BaseException:
            self.close()
            raise

    def start_server(self):
        env = {**clean_env(), "SYNAPSE_SERVER_HOME": str(self.home), "SYNAPSE_SERVER_BASE_URL": self.url}
        fd = self.listener.fileno()
        with (self.folder / "server.log").open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "web_helper.backend.app", f"--fd={fd}"],
                env=env,
                pass_fds=(fd,),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_up(self) -> bool:
        """Whether the server answers; its socket takes connections before it does."""
        return answers(self.v1.list_agents)

    def kill_server(self):
        """Connections are refused from here on: the listening socket goes with the server."""
        self.listener.close()
        self.server.kill()
        self.server.wait()

    def revive_server(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.start_server()
        until(self.is_up, 120.0, (self.folder / "server.log").read_text)

    def start_agent(self, name: str = "", **settings) -> "AgentProcess":
        agent = AgentProcess(self, name or f"host-{uuid.uuid4().hex[:6]}", settings)
        self.agents.append(agent)
        agent.wait_connected()
        return agent

    def publish(self, body: str, *, code: str = "", config: str = "", requirements: str = "", files=None) -> str:
        """Publish a plugin whose action `main` has this body; answers its code."""
        code = code or f"plugin-{uuid.uuid4().hex[:8]}"
        folder = self.folder / "plugins" / code
        (folder / "plugin").mkdir(parents=True)
        (folder / "plugin" / "__init__.py").touch()
        lines = textwrap.dedent(body).strip("\n").splitlines()
        indented = "".join(f"        {line}\n" for line in lines)
        (folder / "plugin" / "main.py").write_text(PRELUDE + indented)
        head = f"name: Test\ncode: {code}\nversion: 1.0.0\n"
        text = f"{head}actions:\n  main:\n    entrypoint: plugin.main.Main\n{config}"
        (folder / "config.yaml").write_text(text)
        if requirements:
            (folder / "requirements.txt").write_text(requirements)
        for name, content in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        archive = self.folder / f"{code}.zip"
        create_archive(folder, archive)
        form = {"plugin": code, "version": "1.0.0", "config": yaml.safe_load(text), "debug": True}
        self.v1.create_plugin_release(form, file=archive)
        return code

    def run(self, code: str, agent: "AgentProcess", **params) -> str:
        return self.v1.run_plugin(code, {"action": "main", "agent": agent.id, "params": params})["id"]

    def job(self, job_id: str) -> dict:
        return self.v1.get_job(job_id)

    def console(self, job_id: str) -> str:
        return self.v1.list_job_console_logs(job_id)["console_logs"]

    def wait(self, job_id: str, *statuses: str, seconds: float = SECONDS) -> dict:
        wanted = set(statuses) or FINAL
        return until(lambda: (job := self.job(job_id))["status"] in wanted and job, seconds, lambda: self.job(job_id))

    def pids(self) -> set[int]:
        """The server and the agents themselves."""
        return {process.pid for process in (self.server, *(agent.process for agent in self.agents)) if process}

    def close(self):
        for agent in self.agents:
            agent.kill()
            agent.kill_runs()
        self.server.kill()
        self.server.wait()
        self.listener.close()
        for kept in (self.reserved, *self.agents_ports):
            kept.close()
        self.v1.close()
        self.v2.close()


class AgentProcess:
    """An agent of a stage."""

    def __init__(self, stage: Stage, name: str, settings: dict):
        self.stage, self.name, self.home = stage, name, stage.folder / name
        self.settings = {f"SYNAPSE_AGENT_{key.upper()}": str(value) for key, value in settings.items()}
        self.process: subprocess.Popen | None = None
        self.url, self.port_is_kept = "", False
        self.start()

    def start(self, port: int = 0):
        env = {
            **clean_env(),
            "SYNAPSE_AGENT_SERVER_URL": self.stage.url,
            "SYNAPSE_AGENT_HOME": str(self.home),
            "SYNAPSE_AGENT_NAME": self.name,
            "SYNAPSE_AGENT_TOKEN": self.stage.token,
            "SYNAPSE_AGENT_RETRY_SECONDS": "0.2",
            "SYNAPSE_AGENT_HEARTBEAT_SECONDS": "1",
            "SYNAPSE_AGENT_STOP_SECONDS": "60",
            **self.settings,
        }
        with (self.stage.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "synapse_agent.app", "--port", str(port)],
                env=env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_connected(self):
        def connected():
            rows = self.stage.v1.list_agents({"search": self.name})["results"]
            return rows and rows[0]["status"] == "connected" and rows[0]

        self.record = until(connected, SECONDS, self.log)
        self.id, self.url = self.record["id"], self.record["url"]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def api_token(self) -> str:
        return (self.home / "api.token").read_text().strip()

    def log(self) -> str:
        return (self.stage.folder / f"{self.name}.log").read_text()

    def wait_up(self):
        """Until its own API answers."""
        with AgentClient(self.url, self.api_token) as client:
            until(lambda: answers(client.health_check), SECONDS, self.log)

    def kill(self, number: int = signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(SECONDS)
        if self.url and not self.port_is_kept:
            # One that is started again on its port must find it free.
            self.stage.agents_ports.append(reserve(self.port))
            self.port_is_kept = True

    def kill_runs(self):
        """What a failed test left running; by its own mark."""
        for folder in (self.home / "runs").glob("*"):
            for pid in processes_with(f"SYNAPSE_JOB_ID={folder.name}"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def clean_env() -> dict:
    env = {key: value for key, value in os.environ.items() if not key.startswith("SYNAPSE_")}
    return env | {"PYTHONPATH": str(Path(__file__).parents[2])}


def reserve(port: int) -> socket.socket:
    """Keep a port, though nobody listens on it: connections are refused, and only who names it can listen there."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    kept.bind(("127.0.0.1", port))
    return kept


def answers(ask) -> bool:
    """Whether somebody answers."""
    try:
        ask()
    except ClientError:
        return False
    return True


def until(look, seconds: float = SECONDS, explain=lambda: ""):
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {explain()}"
        time.sleep(0.05)
    return answer
