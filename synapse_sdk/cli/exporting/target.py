"""Where an export goes: a folder of this machine, or a storage of the platform."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from synapse_sdk.cli.failures import UsageError
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ConfigurationError


def choose_target(client: BackendV2Client, out: Path | None, storage: str | None, path: str) -> dict[str, Any]:
    """The target as parameters of the export.

    Raises:
        UsageError: None is given, or two are, or the folder cannot be written.
        ConfigurationError: There is no such storage.
    """
    if storage is None:
        if path:
            raise UsageError("--path is a folder inside a storage: name it with --storage.")
        if out is None:
            raise UsageError("--out is missing; or name a storage of the platform with --storage.")
        _refuse_unwritable(out.resolve())
        return {"out": out.resolve()}
    if out is not None:
        raise UsageError("--out and --storage are two targets; give one.")
    return {"storage": _find_storage(client, storage), "path": path}


def _refuse_unwritable(out: Path) -> None:
    """Say at once what would be said after the server has gathered everything."""
    nearest = next(folder for folder in (out, *out.parents) if folder.exists())
    if not nearest.is_dir():
        raise UsageError(f"--out {out} is no folder that can be made: {nearest} is a file.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(f"--out {out} cannot be written: you may not make anything in {nearest}.")


def _find_storage(client: BackendV2Client, name_or_id: str) -> int:
    known = list(client.storages.list())
    for found in known:
        if name_or_id in {found["name"], str(found["id"])}:
            return int(found["id"])
    names = ", ".join(str(each["name"]) for each in known) or "none"
    raise ConfigurationError(f"There is no storage {name_or_id!r} that this token may see; there are: {names}.")
