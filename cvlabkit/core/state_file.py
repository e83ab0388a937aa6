"""Checkpoint files: torch's own format where torch is in use, else JSON. Neither can run code when it is read."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any, BinaryIO

from synapse_sdk.exceptions import ComponentError


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write beside, flush, rename; a disk that is full leaves the old file, and no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            _dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_state(path: Path) -> dict[str, Any]:
    """What was written.

    Raises:
        ComponentError: The file is no checkpoint.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        try:
            state = _parse(file)
        except (ValueError, RuntimeError, LookupError, EOFError, ImportError, pickle.UnpicklingError) as exc:
            raise ComponentError(f"{path}: no checkpoint of the kit, or a damaged one.") from exc
    if not isinstance(state, dict) or not {"epoch", "step", "history", "config", "parts"} <= set(state):
        raise ComponentError(f"{path}: no checkpoint of the kit.")
    return state


def _dump(state: dict[str, Any], file: BinaryIO) -> None:
    if (torch := sys.modules.get("torch")) is None:
        file.write(json.dumps(state).encode())
    else:
        torch.save(state, file)


def _parse(file: BinaryIO) -> Any:
    start = file.read(2)
    file.seek(0)
    if start.startswith(b"{"):
        return json.loads(file.read())
    if start != b"PK":
        raise ValueError("neither JSON nor torch's archive")
    import torch

    return torch.load(file, weights_only=True, map_location="cpu")
