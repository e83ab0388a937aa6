"""The platform on one machine: which processes, on which ports, with whose token."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import getpid

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import read_env
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap, issue_admin_token
from web_helper.launcher.home import DEFAULT_PORT, Home, RunRecord
from web_helper.launcher.supervisor import READY_SECONDS, STOP_SECONDS, ProcessSpec, Supervisor

PORTS_TRIED = 50
# Longer than all that one who is waited for waits for itself: the database, the server, the agent.
DETACHED_SECONDS = 2 * READY_SECONDS + 30.0


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

    @classmethod
    @contextmanager
    def start(cls, home: Home, *, host: str = "127.0.0.1", port: int | None = None) -> Iterator[Platform]:
        """Bring the database up to date, start all processes, and stop them at the end.

        Raises:
            ConfigurationError: It runs already, or the port is taken.
            NotReadyError: A process did not start.
        """
        home.create()
        with home.lock(), _listen(host, port) as listener, _listen("127.0.0.1", None) as agent_listener:
            url = _url_of(listener)
            base_url = read_env().get("SYNAPSE_SERVER_BASE_URL") or url
            variables = {"SYNAPSE_SERVER_HOME": str(home.path), "SYNAPSE_SERVER_BASE_URL": base_url}
            token = _admin_token(home, Settings(home=home.path, base_url=base_url))
            agent = {
                "SYNAPSE_AGENT_SERVER_URL": url,
                "SYNAPSE_AGENT_HOME": str(home.path / "agent"),
                # `synapse down` ends everything on this machine.
                "SYNAPSE_AGENT_STOP_RUNS_AT_EXIT": "true",
                "SYNAPSE_AGENT_STOP_SECONDS": str(STOP_SECONDS / 2),
            }
            supervisor = Supervisor(
                specs=_specs(listener, agent_listener),
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
        The base URL of the server.

    Raises:
        ConfigurationError: It runs already, ended while starting, or was not ready in time and is ended.
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
    deadline = time.monotonic() + DETACHED_SECONDS
    # The record of a supervisor that was killed lies there until the new one has cleared it away.
    while (record := home.running()) is None or record.pid != process.pid or not record.children:
        if process.poll() is not None or time.monotonic() > deadline:
            # One that became ready later would run without anybody's knowing.
            process.terminate()
            said = [line for line in log_path.read_text().splitlines() if line.strip()]
            reason = said[-1].removeprefix("Error: ") if said else "it said nothing"
            raise ConfigurationError(f"The platform did not start: {reason} (log: {log_path})")
        time.sleep(0.1)
    return record.url


def _specs(server: socket.socket, agent: socket.socket) -> list[ProcessSpec]:
    return [
        ProcessSpec("server", "web_helper.backend.app", server, _health_url(server)),
        ProcessSpec("worker", "web_helper.backend.worker"),
        ProcessSpec("agent", "synapse_agent.app", agent, _health_url(agent)),
    ]


def _health_url(listener: socket.socket) -> str:
    return f"{_url_of(listener)}/health/"


def _url_of(listener: socket.socket) -> str:
    """How this machine reaches the socket, also when it listens on every address."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (a comparison)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _admin_token(home: Home, settings: Settings) -> str:
    access = bootstrap(settings)
    token = access.token or home.read_admin_token() or issue_admin_token(settings)
    home.save_admin_token(token)
    return token


def _listen(host: str, port: int | None) -> socket.socket:
    """A socket bound to the port asked for, or to the first free one from the default on."""
    if port is not None:
        try:
            return _bind(host, port)
        except OSError as exc:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be had ({exc.strerror}); choose another with --port, or none."
            ) from exc
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED):
        with suppress(OSError):
            return _bind(host, candidate)
    raise ConfigurationError(f"No free port from {DEFAULT_PORT} on; name one with --port.")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)
