"""Packed answers to negotiations: whoever asks what was asked before, of the same state, gets the same bytes.

A new version goes to many workers, and packing thousands of sources well takes longer than sending them. In memory and
of this process: after a restart the first asker waits again, and nothing of an older program is ever sent.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

import msgspec

from synapse_sdk.wire.components import ComponentNegotiation

# Sets of ten thousand sources have about 10 MB.
LIMIT_BYTES = 32 * 2**20


class KeptAnswers:
    """The answers that were asked for last, as many as there is room for."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._answers: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._making: set[str] = set()
        self._lock = Condition()

    def find(self, name: str) -> bytes | None:
        """The answer of this name, if it is kept."""
        with self._lock:
            if name in self._answers:
                self._answers.move_to_end(name)
            return self._answers.get(name)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """For making an answer: whoever else makes it waits, and then finds what the first has kept."""
        with self._lock:
            self._lock.wait_for(lambda: name not in self._making)
            self._making.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._making.remove(name)
                self._lock.notify_all()

    def keep(self, name: str, content: bytes) -> None:
        """Keep an answer; those that nobody has asked for longest make room."""
        if len(content) > self._limit:
            return
        with self._lock:
            self._size += len(content) - len(self._answers.get(name, b""))
            self._answers[name] = content
            self._answers.move_to_end(name)
            while self._size > self._limit:
                self._size -= len(self._answers.popitem(last=False)[1])


def name_answer(state: str, question: ComponentNegotiation, *form: str) -> str:
    """Names the answer, in this form, to a question that was asked in this state of the store.

    In what order a worker lists its files means nothing.
    """
    asked = msgspec.json.encode([state, form, question.model_dump()], order="deterministic")
    return hashlib.sha256(asked).hexdigest()
