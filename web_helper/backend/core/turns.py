"""Taking turns: whoever has waited longest is next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """A lock that is handed over in the order in which it was asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[threading.Event] = deque()
        self._is_taken = False

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @contextmanager
    def turn(self, patience_seconds: float) -> Iterator[None]:
        """Wait for a turn, and let the next one have it afterwards; whoever has lost patience goes on without."""
        has_turn = self._take(patience_seconds)
        try:
            yield
        finally:
            if has_turn:
                self._give_back()

    def _take(self, patience_seconds: float) -> bool:
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Event()
            self._waiting.append(mine)
        mine.wait(patience_seconds)
        with self._guard:
            # It may have come at the last moment.
            if not mine.is_set():
                self._waiting.remove(mine)
            return mine.is_set()

    def _give_back(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False
