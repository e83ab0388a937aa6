"""Ctrl-C that lets the batch in flight finish: the first asks to stop, the second stops at once."""

from __future__ import annotations

import os
import signal
import stat
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


# Ctrl-C, whoever stops a service or a container, and a terminal that is closed: each leaves time to clean up.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class FirstInterrupt:
    """The first Ctrl-C (or another signal that asks to end) interrupts as ever; more do not disturb cleaning up.

    Args:
        notice: Said at the first one.
    """

    def __init__(self, notice: str) -> None:
        self._notice = notice
        self._is_interrupted = self._is_held = self._is_pending = False
        self._signal = int(signal.SIGINT)

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Take one signal.

        Raises:
            KeyboardInterrupt: It is the first, and nothing holds it back; or it presses on what is held back. It names
                the first one's number.
        """
        if number == signal.SIGHUP:
            _leave_terminal()
        is_impatient = self._is_pending
        if self._is_interrupted and not is_impatient:
            return
        if not self._is_interrupted:
            self._is_interrupted, self._signal = True, number
            say(self._notice)
        self._is_pending = self._is_held and not is_impatient
        if not self._is_pending:
            raise KeyboardInterrupt(self._signal)

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
            raise KeyboardInterrupt(self._signal)


@contextmanager
def interrupt_once(notice: str) -> Iterator[FirstInterrupt]:
    """Within the block the first Ctrl-C interrupts as ever and prints the notice; more do not disturb cleaning up.

    So do the other signals that ask to end. Outside the main thread there are no signals to take, and nothing changes.
    """
    interrupt = FirstInterrupt(notice)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    # Under `nohup` a terminal that is closed is ignored, and so it stays.
    is_kept_up = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    heard = [number for number in ENDING if not (is_kept_up and number == signal.SIGHUP)]
    previous = [(number, signal.signal(number, interrupt.handle)) for number in heard]
    try:
        yield interrupt
    finally:
        for number, handler in previous:
            signal.signal(number, handler)


def _leave_terminal() -> None:
    """Write nowhere from now on: each word to a terminal that is gone would be an error while cleaning up."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        if stat.S_ISCHR(os.fstat(output).st_mode):
            os.dup2(nowhere, output)
    os.close(nowhere)
