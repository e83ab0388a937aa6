"""Packs a plugin and sends it to the server as a release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from synapse_sdk.exceptions import ArchiveError, ClientError, ConflictError, PluginError, PluginUploadError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.config_sync import get_release_syncers, sync_plugin_config
from synapse_sdk.plugins.executors.environment import REQUIREMENTS_FILE, plugin_python
from synapse_sdk.plugins.utils import read_requirements
from synapse_sdk.utils.file.archive import create_archive, get_archive_size
from synapse_sdk.utils.file.checksum import calculate_checksum
from synapse_sdk.utils.file.plugin_config import find_plugin_config


@dataclass(frozen=True)
class PackedPlugin:
    """A plugin's archive and the configuration that goes with it.

    Attributes:
        checksum: SHA-256 of the archive.
    """

    config: dict[str, Any]
    archive: Path
    checksum: str
    files: list[str]
    requirements: str


@dataclass(frozen=True)
class PublishResult:
    """A release. Its id is 0 after a dry run."""

    release_id: int
    version: str
    checksum: str
    file_count: int
    archive_size: int


class ReleaseClient(Protocol):
    """Takes releases; a `BackendClient` does."""

    def create_plugin_release(self, data: dict[str, Any], /, *, file: Path) -> Any:
        """Publish a release and answer it as the server keeps it."""


def pack_plugin(
    path: Path, target_folder: Path, *, notify: Callable[[str], None], is_debug: bool = False
) -> PackedPlugin:
    """Bring a plugin's configuration up to date and pack its folder.

    Args:
        path: The plugin's folder, or its configuration file.
        target_folder: Where the archive is written.
        notify: Told what is going on, and what could not be checked.
        is_debug: Go on when the actions cannot be imported; the release then has no forms.

    Raises:
        ConfigurationError: The configuration cannot be used.
        PluginError: An action cannot be imported, or the folder cannot be packed.
    """
    file = find_plugin_config(path)
    config = PluginConfig.from_path(file)
    if config.unknown_keys:
        notify(f"{file.name} has keys that the platform does not know: {', '.join(config.unknown_keys)}")
    try:
        python = plugin_python(file.parent, config, notify=notify)
        content = sync_plugin_config(file, python=python, syncers=get_release_syncers())
    except PluginError as exc:
        if not is_debug:
            raise
        notify(f"Published without forms: {exc}")
        content = config.to_dict()
    archive = target_folder / f"{config.code}-{config.version}.zip"
    files = create_archive(file.parent, archive)
    if file.name not in files:
        raise ArchiveError(f"{file.name} itself is ignored by .gitignore or .synapseignore; a release needs it")
    requirements = "\n".join(read_requirements(file.parent / REQUIREMENTS_FILE))
    published = content | {"code": config.code, "version": config.version, "category": config.category.value}
    return PackedPlugin(published, archive, calculate_checksum(archive), files, requirements)


def publish_plugin(packed: PackedPlugin, client: ReleaseClient, *, is_debug: bool = False) -> PublishResult:
    """Send a packed plugin.

    Args:
        packed: The plugin.
        client: The server.
        is_debug: A release for trying out, which may replace one of the same version.

    Raises:
        PluginUploadError: The server has this version already, or refused the release.
    """
    code, version = packed.config["code"], packed.config["version"]
    data = {
        "plugin": code,
        "version": version,
        "config": packed.config,
        "requirements": packed.requirements,
        "debug": is_debug,
    }
    try:
        answer = client.create_plugin_release(data, file=packed.archive)
    except ConflictError as exc:
        message = f"{code} {version} is published already; raise version in the configuration, or publish with --debug"
        raise PluginUploadError(message) from exc
    except ClientError as exc:
        raise PluginUploadError(f"The server did not take {code} {version}: {exc.reason}") from exc
    release_id = answer["id"] if isinstance(answer, dict) else answer.id
    return result_of(packed, release_id=release_id)


def result_of(packed: PackedPlugin, *, release_id: int = 0) -> PublishResult:
    """What was, or would be, published."""
    size = get_archive_size(packed.archive)
    return PublishResult(release_id, packed.config["version"], packed.checksum, len(packed.files), size)
