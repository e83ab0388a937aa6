"""What was packed for workers: whole answers, by question and state, and the frames that they are made of, by contents.

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

# Sets of ten thousand sources have about 10 MB, as frames and again as an answer.
LIMIT_BYTES = 48 * 2**20


class KeptPacked:
    """What was asked for last, as much as there is room for."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._packed: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._making: set[str] = set()
        self._lock = Condition()

    def find(self, name: str) -> bytes | None:
        """What has this name, if it is kept."""
        with self._lock:
            if name in self._packed:
                self._packed.move_to_end(name)
            return self._packed.get(name)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """For packing what has this name: whoever else would waits, and then finds what the first has kept."""
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
        """Keep it; what nobody has asked for longest makes room."""
        if len(content) > self._limit:
            return
        with self._lock:
            self._size += len(content) - len(self._packed.get(name, b""))
            self._packed[name] = content
            self._packed.move_to_end(name)
            while self._size > self._limit:
                self._size -= len(self._packed.popitem(last=False)[1])


def name_answer(state: str, question: ComponentNegotiation, *form: str) -> str:
    """Names the answer, in this form, to a question that was asked in this state of the store.

    In what order a worker lists its files means nothing.
    """
    asked = msgspec.json.encode([state, form, question.model_dump()], order="deterministic")
    return hashlib.sha256(asked).hexdigest()
