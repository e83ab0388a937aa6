"""How a person names a version: `model/resnet.py`, `model/resnet.py@stable`, `model/resnet.py@1a2b…`, or a hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synapse_sdk.cli.failures import UsageError
from synapse_sdk.components.digests import is_hash
from synapse_sdk.components.names import KIT, ComponentPath, parse_component_path
from synapse_sdk.exceptions import ComponentError, ConfigurationError
from synapse_sdk.utils.auth import load_credentials

if TYPE_CHECKING:
    from synapse_sdk.clients.components import ComponentClient

ACTIVE = "active"


@dataclass(frozen=True)
class VersionName:
    """A version as it was typed: a path, a hash, or both; an alias stands for a hash.

    Attributes:
        which: A hash or an alias; None is the active version.
    """

    path: str | None
    which: str | None


def open_components(host: str | None, token: str | None) -> ComponentClient:
    """A client of the component store; a context manager.

    Raises:
        ConfigurationError: There is no token for the server.
    """
    from synapse_sdk.clients.components import ComponentClient

    found = load_credentials(host=host, access_token=token)
    if not found.access_token:
        raise ConfigurationError(f"There is no access token for {found.host}. Run `synapse login`, or pass --token.")
    return ComponentClient(found.host, found.access_token)


def parse_version_name(text: str) -> VersionName:
    """What a person means.

    Raises:
        UsageError: It is neither a component's path nor a hash.
    """
    if is_hash(text.lower()):
        return VersionName(None, text.lower())
    path, _, which = text.partition("@")
    return VersionName(str(check_component(path)), which.lower() or None)


def check_component(text: str) -> ComponentPath:
    """A component's path as people type it, or that of its file: `cvlabkit/component/model/resnet.py`.

    Raises:
        UsageError: It is none.
    """
    parts = Path(text).parts
    short = "/".join(parts[-2:]) if "cvlabkit" in parts else text
    try:
        return parse_component_path(short)
    except ComponentError as exc:
        raise UsageError(str(exc)) from exc


def check_base(base: Path) -> None:
    """Refuse a folder that holds no kit, and say which one does: people work in folders below it.

    Raises:
        UsageError: It holds none.
    """
    if (base / KIT).is_dir():
        return
    around = next((each for each in base.resolve().parents if (each / KIT).is_dir()), None)
    way_out = "name the one that holds it with --base." if around is None else f"{around} has one: add --base {around}."
    raise UsageError(f"There is no folder {KIT} in {base.resolve()}; {way_out}")


def find_hash(client: ComponentClient, name: VersionName) -> str:
    """The hash of a named version.

    Raises:
        UsageError: The path has no such alias.
    """
    if name.which is not None and is_hash(name.which):
        return name.which
    alias = name.which or ACTIVE
    for row in client.list_aliases(name.path):
        if row["alias"] == alias:
            found: str = row["hash"]
            return found
    raise UsageError(f"{name.path} has no version {alias!r}; `synapse component list {name.path}` shows its versions.")
