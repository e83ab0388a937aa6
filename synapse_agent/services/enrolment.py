"""Joins this host to the platform: registers once, then says every few seconds that it lives and what it has."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_agent.core.event_log import DefectLog
from synapse_agent.core.settings import Settings
from synapse_agent.services.capacity import measure_capacity
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientError, ConfigurationError, ConflictError


class Enrolment(BaseModel):
    """Who this agent is on the server; its key is told once and kept in a file for the owner only."""

    agent_id: int
    key: str

    @classmethod
    def load(cls, path: Path) -> Enrolment | None:
        try:
            return cls.model_validate_json(path.read_text())
        except FileNotFoundError:
            return None

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self.model_dump_json())


def enrol(settings: Settings, own_url: str) -> Enrolment:
    """Register this host, or find again what an earlier start registered.

    Raises:
        ConfigurationError: It is not registered and there is no token to register it with, or its name is taken.
        ClientError: The server refused.
    """
    path = settings.home.expanduser() / "enrolment.json"
    known = Enrolment.load(path)
    if known is not None:
        return known
    if settings.token is None:
        raise ConfigurationError("This host is not registered yet: set SYNAPSE_AGENT_TOKEN to a person's token, once.")
    with BackendV2Client(settings.server_url, access_token=settings.token) as client:
        try:
            answer = client.agents.create(name=settings.name, url=own_url, capacity=measure_capacity())
        except ConflictError as exc:
            raise ConfigurationError(
                f"The server knows another agent named {settings.name!r}: give this one its own SYNAPSE_AGENT_NAME."
            ) from exc
    enrolment = Enrolment(agent_id=answer["id"], key=answer["token"])
    enrolment.save(path)
    return enrolment


class Heartbeat:
    """Tells the server, from a thread of its own, that this agent lives."""

    def __init__(
        self,
        settings: Settings,
        enrolment: Enrolment,
        own_url: str,
        *,
        measure: Callable[[], dict[str, Any]] = measure_capacity,
    ) -> None:
        self._url, self._measure = own_url, measure
        self._client = BackendClient(settings.server_url)
        self._key = enrolment.key
        self._seconds = settings.heartbeat_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._defects = DefectLog("heartbeat_defect")
        self.last_heard: datetime | None = None
        self.problem: str | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _beat(self) -> None:
        while True:
            try:
                self._client.health_check_agent(self._key, {"capacity": self._measure(), "url": self._url})
                self.last_heard, self.problem = datetime.now(UTC), None
                self._defects.clear()
            except ClientError as exc:
                self.problem = f"the server does not take the heartbeat ({exc.code})"
            except Exception as exc:  # noqa: BLE001 - the agent's loop: what cannot be measured must not end it.
                self.problem = f"the heartbeat failed ({type(exc).__name__})"
                self._defects.note(exc)
            if self._stop.wait(self._seconds):
                return
