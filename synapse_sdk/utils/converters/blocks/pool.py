"""Who converts blocks: this process, or several beside it. Whoever it is, blocks come back in the order they went.

A pool knows nothing of data sets beyond `BlockItem` and `Chunk`, so that another one can stand in for it.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, Any, Protocol, TypeVar

import msgspec

from synapse_sdk.exceptions import ConverterLostError, FormatError
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.chunk import Chunk
from synapse_sdk.utils.converters.blocks.frames import read_frame, widen, write_frame
from synapse_sdk.utils.converters.blocks.items import BlockItem
from synapse_sdk.utils.converters.blocks.worker import WorkerJob, convert_checked

# Blocks that a worker has at once: one in work and one waiting, so that none is idle and memory stays bounded.
_AHEAD = 2
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


class ProcessPool:
    """Converts in processes of this machine, which end with this one, however it ends.

    Args:
        job: What the processes need to know of the data set.
        workers: How many.

    Raises:
        OSError: A process cannot be started.
    """

    def __init__(self, job: WorkerJob, workers: int) -> None:
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._workers.append(_Worker(job))
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
        waiting: deque[tuple[B, _Worker]] = deque()
        for number, block in enumerate(blocks):
            worker = self._workers[number % len(self._workers)]
            if len(waiting) >= _AHEAD * len(self._workers):
                yield self._next(waiting)
            worker.send(block.items)
            waiting.append((block, worker))
        while waiting:
            yield self._next(waiting)

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def _next(self, waiting: deque[tuple[B, _Worker]]) -> tuple[B, Chunk]:
        block, worker = waiting.popleft()
        return block, worker.receive()


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
    def __init__(self, job: WorkerJob) -> None:
        # Not `multiprocessing`: its children import the main module again, which is the user's and may have no guard.
        module = "synapse_sdk.utils.converters.blocks.worker"
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module.
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**read_env(), **_KEEP_MEMORY},
        )
        self._input: IO[bytes] = _given(self._process.stdin)
        self._output: IO[bytes] = _given(self._process.stdout)
        widen(self._input, self._output)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Chunk).decode
        self._send(self._encode(job))

    def send(self, items: list[BlockItem]) -> None:
        self._send(self._encode(items))

    def receive(self) -> Chunk:
        frame = read_frame(self._output)
        if frame is None:
            raise self._ended()
        return checked(self._decode(frame))

    def stop(self) -> None:
        # Nothing that it holds is worth waiting for: what it wrote belongs to a folder that its owner removes.
        self._process.kill()
        with suppress(OSError):
            self._input.close()
        self._output.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)

    def _send(self, frame: bytes) -> None:
        try:
            write_frame(self._input, frame)
        except OSError as exc:
            raise self._ended() from exc

    def _ended(self) -> ConverterLostError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        return ConverterLostError(
            f"A worker process of the export ended early (exit status {self._process.returncode}); it may have been "
            "killed for its memory. Should it happen again, export with parallelism 1."
        )


def _given(stream: Any) -> IO[bytes]:
    assert stream is not None
    return stream  # type: ignore[no-any-return] # Popen opened both.
