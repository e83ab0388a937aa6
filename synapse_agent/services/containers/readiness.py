"""Whether an app answers: it is asked, not slept for. And whether a port of this host is free."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from synapse_agent.engines.docker.protocol import Container, ContainerEngine, RunState
from synapse_sdk.exceptions import ContainerBuildError
from synapse_sdk.wire.containers import APP_PORT

# Gradio answers this without a login; anything else that serves answers it, too, if only with 404.
PROBE_PATH = "/gradio_api/app_id"
PROBE_SECONDS = 2.0
LOOK_SECONDS = 0.05
# The engine is asked less often than the app.
STATE_SECONDS = 0.5
_LOG_LINES = 30


def is_port_free(address: str, port: int) -> bool:
    """Whether no program listens on a port of this host."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def wait_until_ready(
    engine: ContainerEngine, container_id: str, url: str, *, seconds: float, is_wanted: Callable[[], bool]
) -> None:
    """Return once the app answers, or nobody wants it any more.

    Raises:
        ContainerBuildError: It ended, or did not answer in time; says what it printed last.
    """
    deadline, look_again = time.monotonic() + seconds, 0.0
    while not _answers(url):
        now = time.monotonic()
        if now >= look_again:
            look_again = now + STATE_SECONDS
            if not is_wanted():
                return
            _check_alive(engine, engine.inspect(container_id), container_id)
        if now > deadline:
            raise ContainerBuildError(_why_silent(engine, container_id, seconds))
        time.sleep(LOOK_SECONDS)


def _answers(url: str) -> bool:
    # The plainest client there is: others take longer to be made than the question takes.
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", PROBE_PATH)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _check_alive(engine: ContainerEngine, found: Container | None, container_id: str) -> None:
    if found is None:
        raise ContainerBuildError("The container was removed by somebody else while its app started. Create it again.")
    if found.state in {RunState.EXITED, RunState.DEAD}:
        printed = _last_lines(engine, container_id)
        killed = (
            " It was killed, most likely because it took more memory than it may." if found.exit_code == 137 else ""
        )
        raise ContainerBuildError(
            f"The app ended before it answered (exit code {found.exit_code}).{killed} It printed last:\n{printed}"
        )


def _why_silent(engine: ContainerEngine, container_id: str, seconds: float) -> str:
    ports = [port for port in engine.listening_ports(container_id) if port != APP_PORT]
    if ports:
        where = " and ".join(str(port) for port in ports)
        why = (
            f" It listens on port {where}: launch it on port {APP_PORT} and address 0.0.0.0, or on none in particular."
        )
    else:
        why = ""
    return (
        f"The app did not answer on port {APP_PORT} in {seconds:g} s.{why} "
        f"It printed last:\n{_last_lines(engine, container_id)}"
    )


def _last_lines(engine: ContainerEngine, container_id: str) -> str:
    return "\n".join(text for _, text in engine.read_log(container_id, _LOG_LINES)) or "(nothing)"
