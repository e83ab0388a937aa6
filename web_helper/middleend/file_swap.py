"""Putting a file in another's place without losing what is there: the two are exchanged in one step of the kernel.

A plain rename would destroy an edit that lands between looking at the file and replacing it. After an exchange, what
was there lies where the new file was, and can be looked at in peace.

Everything that writes goes through functions of `os` and `rename_with`: tests let each of these calls fail in turn.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

_AT_FDCWD = -100
NO_REPLACE, EXCHANGE = 1, 2
# What a kernel or a file system answers that knows no such rename.
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
_READ_BYTES = 2**18
# From here on one flush of the file system costs less than one of each file.
FILES_PER_FLUSH = 32


def read_file(path: str) -> bytes:
    """A file's bytes: for thousands of small ones, a third of what a file object costs.

    Raises:
        OSError: It cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, _READ_BYTES)
        while more := os.read(descriptor, _READ_BYTES):
            content += more
    finally:
        os.close(descriptor)
    return content


def write_file(path: str, content: bytes | memoryview) -> None:
    """Write a file from its beginning; it may be torn until this returns, and is not on the disk yet.

    Raises:
        OSError: The disk refused.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, memoryview(content)[written:])
    finally:
        os.close(descriptor)


def replace_file(path: str, content: bytes, *, after: Sequence[str] = ()) -> None:
    """Write beside, flush, rename: the file is the old one or the new one, after a loss of power too.

    Args:
        path: Of the file.
        content: What it will hold.
        after: Files that are on the disk before it is.

    Raises:
        OSError: The disk refused; the file is the old one.
    """
    part = f"{path}.part"
    write_file(part, content)
    # All at once: each flush of its own waits for the disk.
    flush_files([*after, part])
    os.replace(part, path)  # noqa: PTH105 - a seam of the tests


def identity_of(path: str) -> tuple[int, int, int] | None:
    """What a file keeps when it is moved, and another has not; None when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a hundred of them, each time that components change
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def flush_files(paths: list[str]) -> None:
    """Have these files on the disk.

    Raises:
        OSError: The disk refused.
    """
    if not paths:
        return
    sync_all = _find("syncfs") if len(paths) > FILES_PER_FLUSH else None
    for path in paths[:1] if sync_all else paths:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if sync_all is None or sync_all(descriptor) != 0:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def put_file(new: str, target: str) -> bool:
    """Make `new` the file at `target`; whether another was there, which then lies at `new`.

    Raises:
        OSError: It cannot be done; both files are as they were. `FileNotFoundError`: there is no `new`.
    """
    while True:
        with suppress(FileNotFoundError):
            exchange_files(new, target)
            return True
        # Free, unless somebody puts a file there in this moment.
        with suppress(FileExistsError):
            place_file(new, target)
            return False


def exchange_files(one: str, other: str) -> None:
    """Let two files change places.

    Raises:
        OSError: One of them is missing, or they cannot be moved.
    """
    if not rename_with(EXCHANGE, one, other):
        _exchange_by_link(one, other)


def finish_exchange(one: str) -> None:
    """After a crash: give `one` the file that an exchange by links had taken out of `other`'s place."""
    with suppress(FileNotFoundError):
        if os.path.lexists(one):
            os.unlink(_spare_of(one))  # noqa: PTH108 - a seam of the tests
        else:
            os.replace(_spare_of(one), one)  # noqa: PTH105 - a seam of the tests


def rename_with(flag: int, one: str, other: str) -> bool:
    """Rename as the flag says; False where the kernel or the file system cannot.

    Raises:
        OSError: It can, and refused.
    """
    rename = _find("renameat2")
    if rename is None:
        return False
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), other)


def place_file(new: str, target: str) -> None:
    """Move a file to where none is.

    Raises:
        OSError: It cannot be done. `FileExistsError`: there is a file; `FileNotFoundError`: there is no `new`.
    """
    if not rename_with(NO_REPLACE, new, target):
        os.link(new, target)
        os.unlink(new)  # noqa: PTH108 - a seam of the tests


def _spare_of(one: str) -> str:
    return f"{one}.old"


def _exchange_by_link(one: str, other: str) -> None:
    """Where the kernel has no exchange: the old file keeps a second name, so that its bytes survive the rename."""
    spare = _spare_of(one)
    with suppress(FileNotFoundError):
        os.unlink(spare)  # noqa: PTH108 - a seam of the tests
    os.link(other, spare)
    os.replace(one, other)  # noqa: PTH105 - a seam of the tests
    os.replace(spare, one)  # noqa: PTH105 - a seam of the tests


@cache
def _find(name: str) -> Any:
    """A function of the C library; None where it has none."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is not None and name == "renameat2":
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function
