"""Which version of this distribution is installed."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "synapse-platform"


@cache
def installed_version() -> str:
    """Version of the installed distribution; `unknown` where the code runs without being installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
