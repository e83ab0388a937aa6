"""Putting a file in another's place without losing what is there: the two are exchanged in one step of the kernel.

A plain rename would destroy an edit that lands between looking at the file and replacing it. After an exchange, what
was there lies where the new file was, and can be looked at in peace.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
# What a kernel or a file system answers that knows no exchange.
_UNSUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def put_file(new: Path, target: Path) -> bool:
    """Make `new` the file at `target`; whether another was there, which then lies at `new`.

    Raises:
        OSError: It cannot be done; both files are as they were.
    """
    while True:
        try:
            os.link(new, target)
        except FileExistsError:
            with suppress(FileNotFoundError):
                exchange_files(new, target)
                return True
            # The target went away in between: it is free now.
        else:
            new.unlink()
            return False


def exchange_files(one: Path, other: Path) -> None:
    """Let two files change places.

    Raises:
        OSError: One of them is missing, or they cannot be moved.
    """
    rename = _find_renameat2()
    if rename is not None:
        if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        if number not in _UNSUPPORTED:
            raise OSError(number, os.strerror(number), str(other))
    _exchange_by_link(one, other)


def finish_exchange(one: Path) -> None:
    """After a crash: give `one` the file that an exchange by links had taken out of `other`'s place."""
    with suppress(FileNotFoundError):
        if one.exists():
            _spare_of(one).unlink()
        else:
            _spare_of(one).replace(one)


def _spare_of(one: Path) -> Path:
    return one.with_name(f"{one.name}.old")


def _exchange_by_link(one: Path, other: Path) -> None:
    """Where the kernel has no exchange: the old file keeps a second name, so that its bytes survive the rename."""
    spare = _spare_of(one)
    spare.unlink(missing_ok=True)
    os.link(other, spare)
    one.replace(other)
    spare.replace(one)


def _find_renameat2() -> Callable[..., int] | None:
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if function is not None:
        function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    return function
