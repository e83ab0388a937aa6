"""Where an export goes: a folder of this machine, or a storage of the platform."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

from synapse_sdk.cli.failures import UsageError
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.actions.export.output.record import RECORD_NAME
from synapse_sdk.utils.converters.names import safe_name


def choose_target(client: BackendV2Client, out: Path | None, storage: str | None, path: str) -> dict[str, Any]:
    """The target as parameters of the export.

    Raises:
        UsageError: None is given, or two are, or the folder is an export.
        ConfigurationError: There is no such storage.
    """
    if storage is None:
        if path:
            raise UsageError("--path is a folder inside a storage: name it with --storage.")
        if out is None:
            raise UsageError("--out is missing; or name a storage of the platform with --storage.")
        return {"out": choose_folder(out)}
    if out is not None:
        raise UsageError("--out and --storage are two targets; give one.")
    return {"storage": _find_storage(client, storage), "path": path}


def choose_folder(out: Path) -> Path:
    """The folder in which the export's own is made.

    Raises:
        UsageError: It is an export itself, which nothing is added to.
    """
    # What else is wrong with it is said by whoever writes there.
    with suppress(OSError):
        if (out / RECORD_NAME).exists():
            raise UsageError(f"--out {out} is an export itself; name the folder that it lies in, or another.")
    return out.resolve()


def choose_name(name: str | None, otherwise: str) -> str:
    """The name of the export's own folder: what was asked for, to the letter.

    Raises:
        UsageError: Some system could not have a folder of that name.
    """
    if name is None:
        return otherwise
    safe = safe_name(name, otherwise)
    if safe != unicodedata.normalize("NFC", name):
        raise UsageError(f"--name {name!r} cannot be a folder's name on every system; {safe!r} can.")
    return name


def _find_storage(client: BackendV2Client, name_or_id: str) -> int:
    known = list(client.storages.list())
    for found in known:
        if name_or_id in {found["name"], str(found["id"])}:
            return int(found["id"])
    names = ", ".join(str(each["name"]) for each in known) or "none"
    raise ConfigurationError(f"There is no storage {name_or_id!r} that this token may see; there are: {names}.")
