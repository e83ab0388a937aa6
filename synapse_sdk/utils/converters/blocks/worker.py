"""A process that converts blocks: `python -m synapse_sdk.utils.converters.blocks.worker FILE …`, where blocks will lie.

It knows nothing of the blocks of others. It ends when the process that started it does: its input ends then.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import msgspec

from synapse_sdk.exceptions import BundleError
from synapse_sdk.utils.converters.base import DatasetWriter
from synapse_sdk.utils.converters.blocks.checks import is_proven
from synapse_sdk.utils.converters.blocks.chunk import Chunk, NeedsOrderError
from synapse_sdk.utils.converters.blocks.items import BlockItem
from synapse_sdk.utils.converters.blocks.shared import SharedPlace, hear_size, tell_size
from synapse_sdk.utils.converters.classes import ClassEntry, ClassMap
from synapse_sdk.utils.converters.formats import DEFAULT_OPTIONS, Format
from synapse_sdk.utils.converters.registry import open_writer
from synapse_sdk.utils.converters.sinks import Sink

_MANY_OBJECTS = 100_000


class WorkerJob(msgspec.Struct):
    """What a worker needs to know of a data set.

    Attributes:
        format: The format's name.
        classes: The project's classes.
        options: The format's options.
        folder: Where whole files are written; None when they are sent back.
    """

    format: str
    classes: list[ClassEntry]
    options: dict[str, Any]
    folder: str | None


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for cycles seldom: blocks make none, and looking among their records costs a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(_MANY_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def convert_checked(writer: DatasetWriter, items: Sequence[BlockItem]) -> Chunk:
    """What becomes of a block, and whether its bytes follow the format's rules."""
    chunk = writer.convert_block(items)
    chunk.is_proven = is_proven(writer, chunk, items)
    chunk.written = len(chunk.files), sum([len(data) for _, data in chunk.files])
    return chunk


def main() -> None:
    # Ctrl-C reaches every process of a terminal; the one that started this decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    target = os.dup(1)
    os.dup2(2, 1)  # What is printed by mistake must not end up among the messages.
    places = [SharedPlace(int(file)) for file in sys.argv[1:]]
    size = hear_size(0)
    if size is not None:
        _work(msgspec.msgpack.decode(places[0].read(size), type=WorkerJob), places, target)


def _work(job: WorkerJob, places: Sequence[SharedPlace], target: int) -> None:
    """Put in the place of each block what becomes of it."""
    encode = msgspec.msgpack.Encoder().encode
    decode = msgspec.msgpack.Decoder(list[BlockItem]).decode
    with seldom_collecting():
        converter = BlockConverter(job)
        tell_size(target, 0)  # Ready: who starts this one does other things until then.
        for place in cycle(places):
            size = hear_size(0)
            if size is None:
                return
            answer = encode(converter.convert(decode(place.read(size))))
            place.write(answer)
            tell_size(target, len(answer))


class BlockConverter:
    """Converts blocks with a writer of its own; what fails is said in the chunk, never raised.

    Args:
        job: The data set.
    """

    def __init__(self, job: WorkerJob) -> None:
        self._job = job
        self._writer = _open_writer(job)

    def convert(self, items: list[BlockItem]) -> Chunk:
        try:
            return _convert(self._writer, items, self._job)
        except NeedsOrderError:
            # What was half converted stays behind with the writer.
            self._writer = _open_writer(self._job)
            return Chunk(needs_order=True)
        except OSError as exc:
            return Chunk(error=exc.strerror or str(exc), error_number=exc.errno or errno.EIO)
        except (ArithmeticError, AttributeError, BundleError, LookupError, TypeError, ValueError) as exc:
            return Chunk(error=f"{type(exc).__name__}: {exc}")


def _convert(writer: DatasetWriter, items: list[BlockItem], job: WorkerJob) -> Chunk:
    chunk = convert_checked(writer, items)
    if job.folder is not None:
        for path, data in chunk.files:
            writer.sink.write(path, data)
        chunk.files = []
    return chunk


class _NoSink:
    """Where a writer writes whose chunks are sent back: nowhere."""

    def make_folder(self, path: str) -> None:
        """Whoever writes the chunks makes it."""


def _open_writer(job: WorkerJob) -> DatasetWriter:
    options = msgspec.convert(job.options, type(DEFAULT_OPTIONS[Format(job.format)]))
    out = Path(job.folder) if job.folder is not None else cast("Sink", _NoSink())
    writer = open_writer(Format(job.format), out, ClassMap.from_entries(job.classes), options)
    writer.is_spread = True
    return writer


if __name__ == "__main__":
    main()
