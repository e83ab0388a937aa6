"""What an agent and the server tell each other about runs.

The agent asks (`claim`), because it may sit behind a router that lets nobody in; everything it sends may be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue, PlainSerializer

from synapse_sdk.wire.jobs import JobStatus
from synapse_sdk.wire.work import JsonObject, Request

MAX_WAIT_SECONDS = 25.0
# Per report; a run that prints more sends several.
MAX_CONSOLE_CHARACTERS_PER_REPORT = 1_000_000
MAX_RUNS_PER_CLAIM = 10_000

# What the key is for: another use of the same secret would be another word.
_SERVER_KEY = b"the server asks its agent"


def hash_agent_key(key: str) -> str:
    """What the server keeps of an agent's key."""
    return hashlib.sha256(key.encode()).hexdigest()


def server_key(key_hash: str) -> str:
    """The key by which the server asks an agent: both can make it of what they have, so that nobody has to send it.

    Args:
        key_hash: From `hash_agent_key`.
    """
    return hmac.new(key_hash.encode(), _SERVER_KEY, hashlib.sha256).hexdigest()


LowerStatus = Annotated[JobStatus, PlainSerializer(lambda status: status.value, return_type=str)]


class ExitKind(StrEnum):
    """How a run ended. `lost` is provisional: an agent that comes back with the true end replaces it."""

    RETURNED = "returned"
    EXCEPTION = "exception"
    SYS_EXIT = "sys_exit"
    NO_RESULT = "no_result"
    SIGNAL = "signal"
    MEMORY_LIMIT = "memory_limit"
    TIME_LIMIT = "time_limit"
    STOPPED = "stopped"
    RELEASE_UNUSABLE = "release_unusable"
    BUILD_FAILED = "build_failed"
    LOST = "lost"


class ClaimRequest(Request):
    """Body of `POST /v2/agent-runs/claim/`.

    Attributes:
        runs: Jobs that this agent has taken and not yet seen to their end, all of them: one that the server believes
            to run there and that is missing is lost.
        free_slots: How many more runs the agent takes.
        wait_seconds: How long the server may hold the answer until there is something to do.
    """

    runs: list[UUID] = Field([], max_length=MAX_RUNS_PER_CLAIM)
    free_slots: int = Field(1, ge=0)
    wait_seconds: float = Field(0.0, ge=0, le=MAX_WAIT_SECONDS)


class Claim(BaseModel):
    """Jobs to start, and runs to stop."""

    start: list[str] = []
    stop: list[str] = []


class RunStart(BaseModel):
    """A job that the agent has taken: what to run, and the key that its process acts with until it ends."""

    job_id: str
    action: str
    params: JsonObject
    plugin: str
    version: str
    config: JsonObject
    archive_url: str
    sha256: str
    token: str | None = Field(repr=False)


class ConsolePart(Request):
    """What a run printed since the last report.

    Attributes:
        position: Bytes that the run had printed before this part; may leave out a stretch that the agent dropped.
    """

    position: int = Field(ge=0)
    size_bytes: int = Field(ge=0)
    text: str = Field(max_length=MAX_CONSOLE_CHARACTERS_PER_REPORT)


class RunEnding(Request):
    """How a run ended, for good."""

    status: JobStatus
    exit_kind: ExitKind
    exit_code: int | None = None
    error: str | None = Field(None, max_length=20_000)
    result: JsonValue = None


class RunReport(Request):
    """Body of `POST /v2/agent-runs/{job}/report/`; a report that is sent twice is taken once."""

    console: ConsolePart | None = None
    ending: RunEnding | None = None


class RunState(BaseModel):
    """What the server knows of a run: the next console part starts at `console_size`."""

    status: LowerStatus
    console_size: int
    stop_requested: bool


class RunRecord(BaseModel):
    """A run as its agent shows it (`GET /jobs/{id}/` of the agent)."""

    id: str
    plugin: str | None = None
    version: str | None = None
    action: str | None = None
    status: LowerStatus
    phase: str
    exit_kind: ExitKind | None = None
    exit_code: int | None = None
    error: str | None = None
    result: Any = None
    started: str | None = None
