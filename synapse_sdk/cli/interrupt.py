"""Ctrl-C that lets the batch in flight finish: the first asks to stop, the second stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from synapse_sdk.cli.output import say


class Interruption:
    """Whether someone pressed Ctrl-C.

    Args:
        notice: Said at the first one; nothing when empty.
    """

    def __init__(self, notice: str) -> None:
        self._notice = notice
        self.is_requested = False

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        """Take one Ctrl-C.

        Raises:
            KeyboardInterrupt: It is the second.
        """
        if self.is_requested:
            raise KeyboardInterrupt
        self.is_requested = True
        if self._notice:
            say(self._notice)


@contextmanager
def stop_on_interrupt(notice: str) -> Iterator[Interruption]:
    """Within the block Ctrl-C sets `is_requested` and prints the notice, instead of breaking off at any line.

    Outside the main thread there are no signals to take, and the flag stays down.
    """
    interruption = Interruption(notice)
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    previous = signal.signal(signal.SIGINT, interruption.handle)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, previous)


class FirstInterrupt:
    """The first Ctrl-C interrupts as ever; more do not disturb cleaning up.

    Args:
        notice: Said at the first one.
    """

    def __init__(self, notice: str) -> None:
        self._notice = notice
        self._is_interrupted = self._is_held = self._is_pending = False

    def handle(self, _signal: int, _frame: FrameType | None) -> None:
        """Take one Ctrl-C.

        Raises:
            KeyboardInterrupt: It is the first, and nothing holds it back; or it presses on what is held back.
        """
        is_impatient = self._is_pending
        if self._is_interrupted and not is_impatient:
            return
        if not self._is_interrupted:
            self._is_interrupted = True
            say(self._notice)
        self._is_pending = self._is_held and not is_impatient
        if not self._is_pending:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block Ctrl-C waits for the end of the block, a second one does not.

        Raises:
            KeyboardInterrupt: There was one, and the block is done.
        """
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_pending:
            self._is_pending = False
            raise KeyboardInterrupt


@contextmanager
def interrupt_once(notice: str) -> Iterator[FirstInterrupt]:
    """Within the block the first Ctrl-C interrupts as ever and prints the notice; more do not disturb cleaning up.

    Outside the main thread there are no signals to take, and nothing changes.
    """
    interrupt = FirstInterrupt(notice)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    previous = signal.signal(signal.SIGINT, interrupt.handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, previous)
