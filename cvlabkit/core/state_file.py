"""Checkpoint files: torch's own format where torch is there, else JSON. Neither can run code when it is read."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write beside, flush, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        if find_spec("torch") is None:
            file.write(json.dumps(state).encode())
        else:
            import torch

            torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    """What was written.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        is_json = file.read(1) == b"{"
        file.seek(0)
        if is_json:
            state: dict[str, Any] = json.loads(file.read())
            return state
        import torch

        loaded: dict[str, Any] = torch.load(file, weights_only=True)
        return loaded
