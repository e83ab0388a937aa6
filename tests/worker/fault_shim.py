"""Every call that writes files, counted; the chosen one fails as a disk fails, or is the last that the process makes.

Below `os` and the C library's renames there is nothing to miss: `unseen` lists what wrote past them.
"""

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from unittest import mock

from web_helper.middleend import file_swap

CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "truncate", "ftruncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# Raised by Python itself, whoever calls.
AUDITED = {"open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def _forget(*_arguments: object) -> int:
    return 0


class Fault(StrEnum):
    """What becomes of a write: nothing of it happens, half of it, or all of it."""

    KILLED = "killed"
    KILLED_HALFWAY = "killed halfway"
    FULL = "disk full"
    BROKEN = "input/output error"
    BROKEN_AFTER = "done, and reported as an input/output error"


class FaultyFiles:
    """Counts write points, and lets the one with `number` (from 1) fail; none without a number.

    Nothing waits for the disk: a process that is killed leaves behind what it wrote, flushed or not.
    """

    def __init__(self, root: Path, number: int = 0, fault: Fault = Fault.KILLED, *, has_exchange: bool = True) -> None:
        self.points: list[str] = []
        self.unseen: list[str] = []
        self.failed_by_itself = False
        self._root, self._number, self._fault, self._has_exchange = str(root), number, fault, has_exchange
        self._depth = 0
        self._is_on = False

    @contextmanager
    def on(self) -> Iterator[None]:
        if not self._number:
            # It stays for as long as the process lives.
            sys.addaudithook(self._look)
        find = file_swap._find

        def find_faulty(name: str) -> Any:
            real = find(name)
            if not self._has_exchange or real is None:
                return None
            return lambda *arguments: self._call(name, real, arguments, {})

        with (
            mock.patch.multiple(os, **{name: self._wrap(name) for name in CALLS}),
            mock.patch.object(file_swap, "_find", find_faulty),
        ):
            self._is_on = True
            yield
            self._is_on = False

    def _wrap(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & WRITING:
                return real(*arguments, **options)
            return self._call(name, real, arguments, options)

        return call

    def _call(self, name: str, real: Callable[..., Any], arguments: tuple, options: dict) -> Any:
        self.points.append(name)
        self._depth += 1
        try:
            if name in ("fsync", "syncfs"):
                real = _forget
            if len(self.points) == self._number:
                self._fail(name, real, arguments, options)
            return real(*arguments, **options)
        finally:
            self._depth -= 1

    def _fail(self, name: str, real: Callable[..., Any], arguments: tuple, options: dict) -> None:
        if name == "write" and self._fault in (Fault.KILLED_HALFWAY, Fault.FULL):
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        if self._fault is Fault.BROKEN_AFTER:
            self.failed_by_itself = True
            real(*arguments, **options)
            self.failed_by_itself = False
        if self._fault in (Fault.KILLED, Fault.KILLED_HALFWAY):
            os.kill(os.getpid(), signal.SIGKILL)
        number = errno.ENOSPC if self._fault is Fault.FULL else errno.EIO
        raise OSError(number, os.strerror(number))

    def _look(self, event: str, arguments: tuple) -> None:
        if not self._is_on or self._depth or event not in AUDITED or not str(arguments[0]).startswith(self._root):
            return
        if event != "open" or (isinstance(arguments[2], int) and arguments[2] & WRITING):
            self.unseen.append(f"{event} {arguments[0]}")


class ProcessGoneError(BaseException):
    """Nothing of ours catches it: what comes after it is not done."""


class GoneProcess(FaultyFiles):
    """From the write with `number` on, nothing is written any more: as if the process had been killed there.

    For tests that go on in the same process, with objects that know nothing of what was.
    """

    def _call(self, name: str, real: Callable[..., Any], arguments: tuple, options: dict) -> Any:
        if len(self.points) < self._number - 1:
            return super()._call(name, real, arguments, options)
        if name == "write" and len(self.points) == self._number - 1:
            real(arguments[0], arguments[1][: len(arguments[1]) // 2])
        self.points.append(name)
        raise ProcessGoneError(name)
