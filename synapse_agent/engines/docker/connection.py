"""The one door to the Docker SDK: finds the socket that answers, and turns its errors into ours."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import requests
from docker import errors

from synapse_agent.engines.docker.protocol import EngineAwayError, EngineError, NoContainerError, PortTakenError

CALL_SECONDS = 60
# A daemon that is there answers this at once.
PING_SECONDS = 3
_POOL = 32
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use|failed to bind host port", re.IGNORECASE)
_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)
FULL = "The container engine's disk is full: free some of it (`docker system prune`), and create it again."
WHAT_TO_DO = (
    "No container engine answers. Install and start Docker (Debian: apt-get install docker.io) or Podman "
    "(systemctl --user start podman.socket), let this agent's user use its socket, or name another socket in "
    "SYNAPSE_AGENT_PLAYGROUND_ENGINE_URL."
)


def usual_sockets() -> tuple[str, ...]:
    """Where Docker and Podman listen unless told otherwise."""
    return (
        "unix:///var/run/docker.sock",
        f"unix:///run/user/{os.getuid()}/podman/podman.sock",
        "unix:///run/podman/podman.sock",
    )


class Connection:
    """A client of whichever engine answers; looked for again after it went away.

    Args:
        url: The socket; None for the first usual one that answers.
    """

    def __init__(self, url: str | None = None) -> None:
        self._urls = (url,) if url else usual_sockets()
        self._lock = threading.Lock()
        self._api: Any = None

    @contextmanager
    def api(self) -> Iterator[Any]:
        """The SDK's low-level client; its errors leave the block as ours.

        Raises:
            EngineAwayError: No engine answers.
            NoContainerError: What was asked for is not there.
            EngineError: The engine refused.
        """
        try:
            yield self._open()
        except errors.NotFound as exc:
            raise NoContainerError(_said(exc)) from exc
        except errors.APIError as exc:
            kind = PortTakenError if _PORT_TAKEN.search(_said(exc)) else EngineError
            raise kind(_said(exc)) from exc
        except (requests.RequestException, errors.DockerException, OSError) as exc:
            self._forget()
            raise EngineAwayError(WHAT_TO_DO) from exc

    def version(self) -> dict[str, Any]:
        """What the engine says about itself; an engine that hangs is away."""
        with self.api() as api:
            quick = docker.APIClient(base_url=api.base_url_given, version=api._version, timeout=PING_SECONDS)  # noqa: SLF001
            try:
                found: dict[str, Any] = quick.version()
            finally:
                quick.close()
        return found

    def open_for(self, seconds: float) -> Any:
        """A client of its own for one long call that may be silent for so long."""
        with self.api() as api:
            return docker.APIClient(base_url=api.base_url_given, version=api._version, timeout=seconds)  # noqa: SLF001

    def close(self) -> None:
        self._forget()

    def _open(self) -> Any:
        with self._lock:
            if self._api is None:
                self._api = _first_answering(self._urls)
            return self._api

    def _forget(self) -> None:
        with self._lock:
            api, self._api = self._api, None
        if api is not None:
            api.close()


def _first_answering(urls: tuple[str, ...]) -> Any:
    for url in urls:
        if url.startswith("unix://") and not _is_listening(url.removeprefix("unix://")):
            continue
        api = None
        try:
            probe = docker.APIClient(base_url=url, version="auto", timeout=PING_SECONDS)
            version = probe._version  # noqa: SLF001 - what `auto` found; asking again costs a request.
            probe.close()
            api = docker.APIClient(base_url=url, version=version, timeout=CALL_SECONDS, max_pool_size=_POOL)
        except (errors.DockerException, requests.RequestException, OSError):
            continue
        api.base_url_given = url
        return api
    raise EngineAwayError(WHAT_TO_DO)


def _is_listening(path: str) -> bool:
    """Whether somebody listens on a socket; the SDK would leave its own open where nobody does."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PING_SECONDS)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def _said(exc: errors.APIError) -> str:
    return with_advice(str(exc.explanation or exc))


def with_advice(text: str) -> str:
    """The engine's own words, and what to do where they do not say it."""
    return f"{text}\n{FULL}" if _NO_SPACE.search(text) else text
