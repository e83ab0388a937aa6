"""How a pre-annotation gets its tasks and sends its results: what the steps know of the server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from synapse_sdk.exceptions import PreAnnotationError

# As much as a request holds comfortably; a task's annotations are a few kilobytes.
MAX_PAYLOAD_BYTES = 16 * 2**20


@dataclass(slots=True)
class TaskWork:
    """One task on its way to annotations.

    Attributes:
        task_id: Its id.
        task: The task with its data unit and files; None until it is loaded.
        is_done: An earlier run annotated it with the same release and model.
        content: Bytes of its annotation file, where they came with the task.
    """

    task_id: int
    task: Mapping[str, Any] | None = None
    is_done: bool = False
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one task is to be given.

    Attributes:
        payload: The task data as JSON.
        version: What it was made from, beyond the run: the SHA-256 of an annotation file.
    """

    payload: msgspec.Raw
    version: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one task; `error` is None when it is annotated now."""

    task_id: int
    error: str | None = None
    is_skipped: bool = False


@dataclass
class TaskGateway(ABC):
    """Source of tasks and sink of results of one run.

    Attributes:
        run_id: Id of the run on the server, where it keeps one.
    """

    run_id: str | None = field(default=None, init=False)

    @abstractmethod
    def count(self) -> int:
        """How many tasks match; also prepares the run."""

    @abstractmethod
    def pages(self) -> Iterator[list[TaskWork]]:
        """The tasks, page by page, ascending by id."""

    @abstractmethod
    def load(self, work: TaskWork) -> None:
        """Fill in what a page does not carry."""

    @abstractmethod
    def submit(self, results: Sequence[tuple[int, Annotation]]) -> list[Outcome]:
        """Send annotations; one bad result costs only itself."""


def encode_payload(payload: Any) -> msgspec.Raw:
    """Task data as it is sent.

    Raises:
        PreAnnotationError: It is no JSON object, or far too large.
    """
    if not isinstance(payload, Mapping):
        raise PreAnnotationError(f"The conversion returned {type(payload).__name__} instead of a dict of task data")
    try:
        text = msgspec.json.encode(payload)
    except (TypeError, ValueError, msgspec.MsgspecError) as exc:
        raise PreAnnotationError(f"The task data cannot be written as JSON ({exc})") from exc
    # The server refuses a body with a NUL in it, and with it all tasks of the batch.
    if b"\\u0000" in text:
        raise PreAnnotationError("The task data holds a NUL character, which no database keeps")
    if len(text) > MAX_PAYLOAD_BYTES:
        raise PreAnnotationError(f"The task data has {len(text)} bytes; at most {MAX_PAYLOAD_BYTES} are taken")
    return msgspec.Raw(text)
