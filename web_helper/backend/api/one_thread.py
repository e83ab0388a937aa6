"""A handler's call begins, runs, ends and becomes an answer in one thread, in one go.

As dependencies of their own these were four changes of thread for each request, with a transaction open across three.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from starlette.concurrency import run_in_threadpool

from web_helper.backend.services.call import Call


class PendingCall:
    """What a handler gets its `Call` from.

    Args:
        begin: Opens the transaction, once the key is known to be good.
        check: Refuses a key that may not do this.
    """

    def __init__(self, begin: Callable[[], AbstractContextManager[Call]], check: Callable[[], object]) -> None:
        self._begin, self._check = begin, check
        self._has_begun = False

    def begin(self) -> AbstractContextManager[Call]:
        """The call; it is committed at the end."""
        self._has_begun = True
        return self._begin()

    async def check(self) -> None:
        """Refuse who may not ask, if the handler has not begun: that comes before what is wrong with the question."""
        if not self._has_begun:
            await run_in_threadpool(self._check)


def in_one_thread(handler: Callable[..., Any], shape: Callable[[Any], Any]) -> Callable[..., Any]:
    """A handler whose calls are opened around it, and whose answer is shaped where it was made."""
    if iscoroutinefunction(handler):
        return handler

    @wraps(handler)
    def handle(**values: Any) -> Any:
        with ExitStack() as calls:
            for name, value in values.items():
                if isinstance(value, PendingCall):
                    values[name] = calls.enter_context(value.begin())
            # Before the calls end: what the answer names may still have to be read.
            return shape(handler(**values))

    return handle
