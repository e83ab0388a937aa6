"""Payloads behind links, fetched by as many threads as there may be connections.

A link that has to be followed again after a while waits in a queue, not on a thread: the thread goes on with others.
When its time has come it goes first, because rows leave in order and those behind it wait for it.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, Self

from synapse_sdk.utils.file.download import JsonDownload


@dataclass(order=True)
class _Errand:
    """A download, and when its next request may be sent."""

    due: float
    download: JsonDownload = field(compare=False)
    result: Future[Any] = field(compare=False, default_factory=Future)

    def run(self) -> bool:
        """Send one request; answers whether that was the last."""
        try:
            wait = self.download.request()
            if wait is None:
                self.result.set_result(self.download.document())
        except Exception as exc:  # noqa: BLE001 - It is raised where the payload is asked for.
            self.result.set_exception(exc)
            return True
        if wait is not None:
            self.due = time.monotonic() + wait
        return wait is None


class PayloadThreads:
    """Runs downloads; leaving the block drops those that have not begun.

    Args:
        count: Requests at once.
    """

    def __init__(self, count: int) -> None:
        self._changed = Condition()
        self._fresh: deque[_Errand] = deque()
        self._repeated: list[_Errand] = []
        self._is_over = False
        # As daemons: an export that was interrupted and not closed must not keep its process.
        self._threads = [Thread(target=self._work, name=f"export-payload-{i}", daemon=True) for i in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def fetch(self, download: JsonDownload) -> Future[Any]:
        """The document, as soon as it is there."""
        errand = _Errand(0.0, download)
        with self._changed:
            self._fresh.append(errand)
            self._changed.notify()
        return errand.result

    def _work(self) -> None:
        while (errand := self._next()) is not None:
            if not errand.run():
                with self._changed:
                    heapq.heappush(self._repeated, errand)
                    # Whoever has nothing to do now wakes when it is due: this thread may be busy then.
                    self._changed.notify_all()

    def _next(self) -> _Errand | None:
        with self._changed:
            while not self._is_over:
                rest = self._repeated[0].due - time.monotonic() if self._repeated else None
                if rest is not None and rest <= 0:
                    return heapq.heappop(self._repeated)
                if self._fresh:
                    return self._fresh.popleft()
                self._changed.wait(rest)
        return None
