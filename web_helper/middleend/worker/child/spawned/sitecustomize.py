"""Python imports this at the start of every process that a run spawns anew: the same hook watches there.

The run's own process puts this folder in front of `PYTHONPATH` (`observed.py`). Where the
hook cannot be set, the process does not start: nothing is executed unseen.
"""

# ruff: noqa: INP001, PTH100, PTH120 - before anything else is imported
from __future__ import annotations

import contextlib
import os
import sys

OWN = os.path.dirname(os.path.abspath(__file__))


def watch() -> None:
    """Set the hook, as the run's own process did."""
    above = os.path.dirname(OWN)
    sys.path.insert(0, above)
    try:
        import observed  # type: ignore[import-not-found] # found where the line above says
    finally:
        sys.path.remove(above)
    # A component may have a module of this name.
    del sys.modules["observed"]
    observed.watch(*observed.read_order())


def give_way() -> None:
    """Let the machine's own `sitecustomize` do its work, which this one stands before."""
    sys.path[:] = [place for place in sys.path if os.path.abspath(place) != OWN]
    this = sys.modules.pop("sitecustomize")
    with contextlib.suppress(ModuleNotFoundError):
        import sitecustomize  # type: ignore[import-not-found] # noqa: F401
    sys.modules.setdefault("sitecustomize", this)


try:
    watch()
except BaseException as exc:  # noqa: BLE001 - Python would print an error of this module, and go on
    sys.stderr.write(f"This process of an experiment cannot be watched, so it does not start: {exc!r}\n")
    sys.stderr.flush()
    os._exit(1)
give_way()
