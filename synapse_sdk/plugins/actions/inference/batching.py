"""`@batch`: single requests, answered together, under Ray Serve's names and rules."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, overload

from synapse_sdk.exceptions import ConfigurationError

BatchMethod = Callable[[Any, list[Any]], Awaitable[list[Any]]]
SingleMethod = Callable[[Any, Any], Awaitable[Any]]


@dataclass
class _Waiting:
    item: Any
    answer: asyncio.Future[Any]


@dataclass
class _Batcher:
    """Gathers the calls of one instance. Batches are worked on one after the other, as a model does."""

    work: Callable[[list[Any]], Awaitable[list[Any]]]
    max_size: int
    wait_seconds: float
    queue: asyncio.Queue[_Waiting] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None

    async def ask(self, item: Any) -> Any:
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._run())
        waiting = _Waiting(item, asyncio.get_running_loop().create_future())
        self.queue.put_nowait(waiting)
        return await waiting.answer

    async def _run(self) -> None:
        while True:
            await self._answer(await self._gather())

    async def _gather(self) -> list[_Waiting]:
        batch = [await self.queue.get()]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.wait_seconds
        while len(batch) < self.max_size:
            if not self.queue.empty():
                batch.append(self.queue.get_nowait())
                continue
            left = deadline - loop.time()
            if left <= 0:
                break
            try:
                batch.append(await asyncio.wait_for(self.queue.get(), left))
            except TimeoutError:
                break
        # A caller who has gone needs no answer.
        return [waiting for waiting in batch if not waiting.answer.done()]

    async def _answer(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            results = await self.work([waiting.item for waiting in batch])
            _require_one_each(len(batch), len(results))
        except Exception as exc:  # noqa: BLE001 - whatever the model raises belongs to those who asked.
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(exc)
            return
        for waiting, result in zip(batch, results, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(result, Exception):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)


def _require_one_each(asked: int, answered: int) -> None:
    if asked != answered:
        raise ConfigurationError(f"A batch of {asked} was answered with {answered} results; answer one for each.")


@overload
def batch(method: BatchMethod, /) -> SingleMethod: ...
@overload
def batch(*, max_batch_size: int = 10, batch_wait_timeout_s: float = 0.01) -> Callable[[BatchMethod], SingleMethod]: ...
def batch(method: BatchMethod | None = None, /, *, max_batch_size: int = 10, batch_wait_timeout_s: float = 0.01) -> Any:
    """Let a method that takes a list be called with single items; calls that come together are answered together.

    The method is `async`, takes one list and returns as many results, in order. A result that is an exception fails
    that call only. It is plain asyncio with the meaning of `ray.serve.batch`, so it works the same on every engine.

    Args:
        method: The method, where the decorator is used without parentheses.
        max_batch_size: Items in one batch.
        batch_wait_timeout_s: How long a batch that is not full waits for more, in seconds.

    Raises:
        ConfigurationError: A value is not allowed.
    """
    if max_batch_size < 1 or batch_wait_timeout_s < 0:
        raise ConfigurationError("batch() needs a max_batch_size of at least 1 and a wait of at least 0 seconds")

    def decorate(method: BatchMethod) -> SingleMethod:
        attribute = f"_batcher_of_{method.__name__}"

        @functools.wraps(method)
        async def single(self: Any, item: Any) -> Any:
            batcher: _Batcher | None = getattr(self, attribute, None)
            if batcher is None:
                batcher = _Batcher(functools.partial(method, self), max_batch_size, batch_wait_timeout_s)
                setattr(self, attribute, batcher)
            return await batcher.ask(item)

        return single

    return decorate if method is None else decorate(method)
