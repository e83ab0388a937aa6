"""Who converts blocks: this process, or several beside it. Whoever it is, blocks come back in the order they went.

A pool knows nothing of data sets beyond `BlockItem` and `Chunk`, so that another one can stand in for it.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Any, Generic, Protocol, TypeVar

import msgspec

from synapse_sdk.exceptions import ConverterLostError, FormatError
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk
from synapse_sdk.utils.converters.blocks.items import BlockItem
from synapse_sdk.utils.converters.blocks.shared import SharedPlace, hear_size, tell_size
from synapse_sdk.utils.converters.blocks.worker import BlockConverter, WorkerJob, convert_checked

# Blocks that a worker has at once: one in work, and what it needs while this process converts one itself.
_AHEAD = 3
# Blocks that this process converts at most before one that a worker has is there: memory stays bounded.
_OWN_AHEAD = 8
_STOP_SECONDS = 5.0
# A block's texts come and go: a C library that gives them back to the system after each block spends a tenth of a
# worker's time on getting them again. Others than glibc do not look at these.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(8 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}


class HasItems(Protocol):
    """A block, and whatever else its owner wants back with it."""

    @property
    def items(self) -> list[BlockItem]: ...


B = TypeVar("B", bound=HasItems)


class BlockPool(Protocol):
    """Converts blocks."""

    def convert(self, blocks: Iterable[B]) -> Iterator[tuple[B, Chunk]]:
        """Each block with what became of it, in order; a few blocks are taken ahead, never all."""

    def close(self) -> None:
        """Give back what the pool holds. Whatever is still in work is dropped."""


class InlinePool:
    """Converts in this process, with the writer that writes.

    Args:
        writer: The data set's writer.
    """

    def __init__(self, writer: DatasetWriter) -> None:
        self._writer = writer

    def convert(self, blocks: Iterable[B]) -> Iterator[tuple[B, Chunk]]:
        for block in blocks:
            yield block, convert_checked(self._writer, block.items)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class _Place(Generic[B]):
    """A block's place in the line; the chunk comes when it is converted."""

    block: B
    chunk: Chunk | None = None


class ProcessPool:
    """Converts in this process and in others of this machine, which end with this one, however it ends.

    A block goes to a worker that has room for it; when none has, this process converts it. So nobody waits for another,
    not even for a worker that still starts, and what need not travel does not.

    Args:
        job: What the processes need to know of the data set.
        workers: How many, this one included; two at least.

    Raises:
        OSError: A process cannot be started.
    """

    def __init__(self, job: WorkerJob, workers: int) -> None:
        self._own = BlockConverter(job)
        self._answers = DefaultSelector()
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers - 1):
                worker = _Worker(job)
                self._workers.append(worker)
                self._answers.register(worker.output, EVENT_READ, worker)
        except BaseException:
            self.close()
            raise

    def convert(self, blocks: Iterable[B]) -> Iterator[tuple[B, Chunk]]:
        """Each block with what became of it, in order.

        Raises:
            ConverterLostError: A process ended early.
            FormatError: A block could not be converted.
            OSError: A file could not be written.
        """
        line: deque[_Place[B]] = deque()
        most = _AHEAD * len(self._workers) + _OWN_AHEAD
        for block in blocks:
            line.append(self._take(block))
            while line and (line[0].chunk is not None or len(line) > most):
                yield self._next(line)
        while line:
            yield self._next(line)

    def close(self) -> None:
        self._answers.close()
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def _take(self, block: B) -> _Place[B]:
        place = _Place(block)
        self._receive(0)
        worker = max(self._workers, key=_room_of)
        if worker.room:
            worker.send(place)
        else:
            place.chunk = checked(self._own.convert(block.items))
        return place

    def _next(self, line: deque[_Place[B]]) -> tuple[B, Chunk]:
        place = line[0]
        while place.chunk is None:
            self._receive(None)
        line.popleft()
        return place.block, place.chunk

    def _receive(self, timeout: float | None) -> None:
        for key, _ in self._answers.select(timeout):
            key.data.receive()


def checked(chunk: Chunk) -> Chunk:
    """A chunk that came from elsewhere.

    Raises:
        OSError: A file could not be written there.
        FormatError: The block could not be converted.
    """
    if chunk.error_number:
        raise OSError(chunk.error_number, chunk.error)
    if chunk.error:
        raise FormatError(f"A block of the export could not be converted: {chunk.error}")
    return chunk


class _Worker:
    """Another process.

    Attributes:
        output: Where its answers come from: an empty one when it has started, then one for each block.
        room: How many blocks it takes now.
    """

    def __init__(self, job: WorkerJob) -> None:
        # Not `multiprocessing`: its children import the main module again, which is the user's and may have no guard.
        module = "synapse_sdk.utils.converters.blocks.worker"
        self._shared = deque(SharedPlace() for _ in range(_AHEAD))
        files = [shared.number for shared in self._shared]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module.
            [sys.executable, "-m", module, *map(str, files)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**read_env(), **_KEEP_MEMORY},
            pass_fds=files,
        )
        self._input: IO[bytes] = _given(self._process.stdin)
        self.output: IO[bytes] = _given(self._process.stdout)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Chunk).decode
        self._sent: deque[tuple[_Place[Any], SharedPlace]] = deque()
        self.room = 0
        self._write(self._encode(job), self._shared[0])

    def send(self, place: _Place[Any]) -> None:
        shared = self._shared[0]
        self._write(self._encode(place.block.items), shared)
        self._shared.rotate(-1)
        self._sent.append((place, shared))
        self.room -= 1

    def receive(self) -> None:
        size = hear_size(self.output.fileno())
        if size is None:
            raise self._ended()
        if size:
            place, shared = self._sent.popleft()
            place.chunk = checked(self._decode(shared.read(size)))
            self.room += 1
        else:
            self.room = _AHEAD

    def stop(self) -> None:
        # Nothing that it holds is worth waiting for: what it wrote belongs to a folder that its owner removes.
        self._process.kill()
        with suppress(OSError):
            self._input.close()
        self.output.close()
        for shared in self._shared:
            shared.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)

    def _write(self, message: bytes, shared: SharedPlace) -> None:
        shared.write(message)
        try:
            tell_size(self._input.fileno(), len(message))
        except OSError as exc:
            raise self._ended() from exc

    def _ended(self) -> ConverterLostError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        return ConverterLostError(
            f"A worker process of the export ended early (exit status {self._process.returncode}); it may have been "
            "killed for its memory. Should it happen again, export with parallelism 1."
        )


def _room_of(worker: _Worker) -> int:
    return worker.room


def _given(stream: Any) -> IO[bytes]:
    assert stream is not None
    return stream  # type: ignore[no-any-return] # Popen opened both.
