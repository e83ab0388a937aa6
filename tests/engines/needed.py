"""What becomes of tests whose engine is not on this machine."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

import pytest

T = TypeVar("T")


class EngineMissingError(Exception):
    """There is no such engine, and no way to start one; the message says what to install."""


@contextmanager
def needed(engine: AbstractContextManager[T], required: str = "SYNAPSE_REQUIRE_ENGINES") -> Iterator[T]:
    """What the engine gives. Where it is missing its tests are skipped, or fail when this variable requires it."""
    with ExitStack() as stack:
        try:
            given = stack.enter_context(engine)
        except EngineMissingError as exc:
            if os.environ.get(required) == "1":
                pytest.fail(str(exc))
            pytest.skip(str(exc))
        yield given
