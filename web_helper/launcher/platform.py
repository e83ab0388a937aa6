"""The platform on one machine: which processes, on which ports, with whose token."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import getpid

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import read_env
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap, issue_admin_token
from web_helper.launcher.home import DEFAULT_PORT, Home, RunRecord
from web_helper.launcher.supervisor import READY_SECONDS, ProcessSpec, Supervisor

PORTS_TRIED = 50


@dataclass(frozen=True)
class Platform:
    """A running platform.

    Attributes:
        url: Base URL of the server.
        token: The first administrator's key.
    """

    home: Home
    url: str
    token: str
    supervisor: Supervisor

    @property
    def one_click_url(self) -> str:
        """Opens the platform logged in. The key is in the fragment, which browsers never send or log."""
        return f"{self.url}/#token={self.token}"

    @classmethod
    @contextmanager
    def start(cls, home: Home, *, host: str = "127.0.0.1", port: int | None = None) -> Iterator[Platform]:
        """Bring the database up to date, start all processes, and stop them at the end.

        Raises:
            ConfigurationError: It runs already, or the port is taken.
            NotReadyError: A process did not start.
        """
        home.create()
        with home.lock():
            port, agent_port = _choose_ports(host, port)
            url = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104 (a comparison)
            variables = {"SYNAPSE_SERVER_HOME": str(home.path), "SYNAPSE_SERVER_BASE_URL": url}
            token = _admin_token(home, Settings(home=home.path, base_url=url))
            agent = {"SYNAPSE_AGENT_SERVER_URL": url, "SYNAPSE_AGENT_HOME": str(home.path / "agent")}
            supervisor = Supervisor(
                specs=_specs(host, port, agent_port),
                environment={**read_env(), **variables, **agent, "SYNAPSE_AGENT_TOKEN": token},
                logs=home.logs,
                on_change=lambda children: home.save_run(RunRecord(pid=getpid(), url=url, children=children)),
            )
            supervisor.start()
            try:
                yield cls(home, url, token, supervisor)
            finally:
                supervisor.stop()


def start_detached(home: Home, *, host: str = "127.0.0.1", port: int | None = None) -> str:
    """Start `synapse up` as a process of its own and wait until it is ready.

    Returns:
        The one-click URL.

    Raises:
        ConfigurationError: It runs already, or ended while starting.
    """
    home.create()
    if home.running() is not None:
        raise ConfigurationError(f"The platform in {home.path} runs already: `synapse status` shows it.")
    arguments = ["up", "--home", str(home.path), "--host", host, *(["--port", str(port)] if port else [])]
    log_path = home.logs / "up.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-m", "synapse_sdk", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_SECONDS
    while (record := home.running()) is None or not record.children:
        if process.poll() is not None or time.monotonic() > deadline:
            said = [line for line in log_path.read_text().splitlines() if line.strip()]
            reason = said[-1].removeprefix("Error: ") if said else "it said nothing"
            raise ConfigurationError(f"The platform did not start: {reason} (log: {log_path})")
        time.sleep(0.1)
    return f"{record.url}/#token={home.read_admin_token()}"


def _specs(host: str, port: int, agent_port: int) -> list[ProcessSpec]:
    local = "127.0.0.1"
    server = ("--host", host, "--port", str(port))
    return [
        ProcessSpec("server", "web_helper.backend.app", server, f"http://{local}:{port}/health/"),
        ProcessSpec("worker", "web_helper.backend.worker"),
        ProcessSpec("agent", "synapse_agent.app", ("--port", str(agent_port)), f"http://{local}:{agent_port}/health/"),
    ]


def _admin_token(home: Home, settings: Settings) -> str:
    access = bootstrap(settings)
    token = access.token or home.read_admin_token() or issue_admin_token(settings)
    home.save_admin_token(token)
    return token


def _choose_ports(host: str, port: int | None) -> tuple[int, int]:
    """Ports of server and agent: the one asked for, or the first two free ones from the default on."""
    if port is not None and not _is_free(host, port):
        raise ConfigurationError(f"Port {port} on {host} is taken by another program; choose another: --port")
    candidates = (number for number in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if number != port)
    free = (number for number in candidates if _is_free(host, number))
    try:
        server = port or next(free)
        return server, next(free)
    except StopIteration:
        raise ConfigurationError(f"No free port from {DEFAULT_PORT} on; name one with --port") from None


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
