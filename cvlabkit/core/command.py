"""The command line's work: what is said where, and with which exit code."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from cvlabkit.core.run import run_config
from cvlabkit.core.source_import import SourceRecord, use_tree
from synapse_sdk.exceptions import ComponentError

FAILED, INTERRUPTED, TERMINATED = 1, 130, 143


def run_command(config: Path, changes: Sequence[str], *, base: Path, record: SourceRecord | None = None) -> int:
    """Train every run of a config, and say how each one ended, as JSON lines; the exit code.

    An error of a component's own code keeps its stack trace: it is for who wrote the component.
    """
    use_tree(base)
    signal.signal(signal.SIGTERM, _end)
    try:
        for folder, metrics in run_config(config, changes, record=record):
            last = metrics[-1] if metrics else {}
            sys.stdout.write(json.dumps({"run": str(folder), "epochs": len(metrics), "metrics": last}) + "\n")
            sys.stdout.flush()
    except (ComponentError, OSError) as exc:
        sys.stderr.write(f"Error: {_reason(exc)}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. With a checkpoint_path, the same command goes on from the last checkpoint.\n")
        return INTERRUPTED
    return 0


def _reason(error: ComponentError | OSError) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return str(error)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End as an error does: files are closed, and what was imported is written down."""
    sys.exit(TERMINATED)
