"""What files held when they were last read, so that a file that nobody touched is not read again.

A file is taken for untouched when its inode, size and both times are the same, and it had been left alone for a moment
when it was read: the kernel's clock stands still for some milliseconds, in which a second edit would leave no trace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from synapse_sdk.components.digests import sha256_of, short_hash
from web_helper.middleend.file_swap import read_file, replace_file

# Many times the kernel's tick.
SETTLED_NS = 50_000_000


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What names a file's bytes."""

    sha256: str
    hash: str


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    stat: tuple[int, int, int, int]
    look: Look


class StatIndex:
    """Looks by component path; `file` is where it is kept between processes. Lost, everything is read again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._entries: dict[str, _Entry] | None = None
        self._has_changed = False

    def look(self, path: str, file: str) -> Look | None:
        """What a component's file holds now; None when there is none, or a folder of its name.

        Raises:
            OSError: The file cannot be read.
        """
        entries = self._read()
        try:
            found = os.stat(file)  # noqa: PTH116 - ten thousand of them
            stat = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            entry = entries.get(path)
            if entry is not None and entry.stat == stat:
                return entry.look
            began = time.time_ns()
            content = read_file(file)
        except (FileNotFoundError, IsADirectoryError):
            return None
        look = Look(sha256_of(content), short_hash(content))
        if max(stat[2:]) + SETTLED_NS < began:
            entries[path] = _Entry(stat, look)
            self._has_changed = True
        return look

    def save(self) -> None:
        """Keep what was found for the next process."""
        if self._has_changed:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace_file(str(self._file), msgspec.msgpack.encode(self._read()))
            self._has_changed = False

    def _read(self) -> dict[str, _Entry]:
        if self._entries is None:
            self._entries = {}
            with suppress(FileNotFoundError, msgspec.DecodeError):
                self._entries = msgspec.msgpack.decode(self._file.read_bytes(), type=dict[str, _Entry])
        return self._entries


@dataclass(frozen=True)
class Listing:
    """What the file system told of many files: inode, size, both times, name.

    Attributes:
        lines: As `find` printed them.
        began_ns: When it was started.
    """

    lines: bytes
    began_ns: int

    @property
    def digest(self) -> str:
        """Names what was told."""
        return sha256_of(self.lines)

    @property
    def is_settled(self) -> bool:
        """Whether all of it had been left alone for a moment: then whatever changes leaves a trace."""
        newest = max((line.split(b" ", 4)[3] for line in self.lines.split(b"\0")[:-1]), default=b"0")
        return float(newest) * 1e9 + SETTLED_NS < self.began_ns


@contextmanager
def list_times(root: str, folders: Sequence[str]) -> Iterator[Callable[[], Listing | None]]:
    """What `find` tells of the Python files in these folders below `root`, at work while this process is elsewhere.

    Two look at a half of the folders each: the kernel takes most of the time, and has more than one core for it.

    Yields:
        Waits for what they tell; None where there is no `find` that can print it.
    """
    program, there = shutil.which("find"), [each for each in folders if os.path.isdir(f"{root}/{each}")]  # noqa: PTH112
    # Into memory, not through a pipe: nobody need read while they print.
    if program is None or not there or not hasattr(os, "memfd_create"):
        yield lambda: None
        return
    began = time.time_ns()
    # Followed, as opening a file does: a link says nothing of what it leads to.
    what = ("-maxdepth", "1", "-name", "*.py", "-printf", r"%i %s %T@ %C@ %p\0")
    with ExitStack() as stack:
        started = [_start([program, "-L", *half, *what], root, stack) for half in (there[::2], there[1::2]) if half]

        def finish() -> Listing | None:
            lines = [_read_printed(each) for each in started]
            whole = [each for each in lines if each is not None]
            return Listing(b"".join(whole), began) if len(whole) == len(lines) else None

        yield finish


def _start(command: Sequence[str], folder: str, stack: ExitStack) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """A program that works until the stack is left, and what it prints."""
    printed = stack.enter_context(os.fdopen(os.memfd_create("listing"), "w+b"))
    process = subprocess.Popen(  # noqa: S603
        command, stdout=printed, stderr=subprocess.DEVNULL, cwd=folder, env={"LC_ALL": "C"}
    )
    return stack.enter_context(process), printed


def _read_printed(started: tuple[subprocess.Popen[bytes], IO[bytes]]) -> bytes | None:
    """What a program has printed when it ends; None when it has failed."""
    process, printed = started
    if process.wait() != 0:
        return None
    printed.seek(0)
    return printed.read()
