"""Converts blocks by tasks of the Ray cluster that a run is part of, in place of processes of one machine.

Tasks know nothing of each other and write nothing: what they make of a block comes back and is written here, in order,
so that the bytes are those of any other pool.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.converters.blocks import Chunk
from synapse_sdk.utils.converters.blocks.items import BlockItem
from synapse_sdk.utils.converters.blocks.pool import B, checked
from synapse_sdk.utils.converters.blocks.worker import BlockConverter, WorkerJob, seldom_collecting

# Blocks per task at once: one in work and one on its way, so that none is idle and memory stays bounded.
_AHEAD = 2
_encode = msgspec.msgpack.Encoder().encode
_decode_chunk = msgspec.msgpack.Decoder(Chunk).decode
_decode_items = msgspec.msgpack.Decoder(list[BlockItem]).decode


def find_cluster() -> Any | None:
    """The `ray` module when this run is on a cluster that has cores to spare for it; None otherwise.

    Raises:
        PluginRunError: The run is a Ray job, and its cluster does not answer.
    """
    env = read_env()
    if "ray" not in sys.modules and not any(name.startswith("RAY_") for name in env):
        return None  # Finding out more exactly takes as long as another process takes to start.
    from synapse_sdk.plugins.executors.ray.cluster import current_cluster

    ray = current_cluster(env)
    return ray if ray is not None and free_cores(ray) > 1 else None


def free_cores(ray: Any) -> int:
    """Cores that nobody has reserved. A run may hold all of them itself: its tasks would then wait for ever."""
    return int(ray.available_resources().get("CPU", 0))


class RayPool:
    """Converts in tasks of a cluster. Ray repeats a task whose process or node is lost.

    Args:
        ray: The module, connected.
        job: What the tasks need to know of the data set; it names no folder.
        workers: How many run at once.
    """

    def __init__(self, ray: Any, job: WorkerJob, workers: int) -> None:
        self._ray, self._most = ray, _AHEAD * workers
        self._job = ray.put(_encode(job))
        self._task = ray.remote(convert_block).options(num_cpus=1)
        self._waiting: deque[tuple[Any, Any]] = deque()

    def convert(self, blocks: Iterable[B]) -> Iterator[tuple[B, Chunk]]:
        """Each block with what became of it, in order.

        Raises:
            FormatError: A task was lost for good, or could not convert its block.
        """
        for block in blocks:
            if len(self._waiting) >= self._most:
                yield self._next()
            self._waiting.append((block, self._task.remote(self._job, _encode(block.items))))
        while self._waiting:
            yield self._next()

    def close(self) -> None:
        while self._waiting:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(self._waiting.pop()[1])

    def _next(self) -> Any:
        block, answer = self._waiting.popleft()
        try:
            frame = self._ray.get(answer)
        except self._ray.exceptions.RayError as exc:
            raise FormatError(
                f"A Ray task of the export was lost ({type(exc).__name__}). Export again, or with parallelism 1."
            ) from exc
        return block, checked(_decode_chunk(frame))


def convert_block(job: bytes, items: bytes) -> bytes:
    """A task: what becomes of one block."""
    with seldom_collecting():
        return _encode(_converter_of(job).convert(_decode_items(items)))


@lru_cache(maxsize=2)
def _converter_of(job: bytes) -> BlockConverter:
    """A process of the cluster converts many blocks, of one export after the other."""
    return BlockConverter(msgspec.msgpack.decode(job, type=WorkerJob))
