"""Tests that stand for promises are named here and there by file and function; this finds names that lead nowhere."""

import re
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).parents[1]


def missing_tests(names: Sequence[str]) -> list[str]:
    """Those of `file.py::function` that are not there."""
    return [name for name in names if not _exists(*name.split("::"))]


def _exists(file: str, function: str) -> bool:
    path = TESTS / file
    return path.exists() and re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE) is not None
