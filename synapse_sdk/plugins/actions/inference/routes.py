"""Where a release's serve application is found: its name and its route, by the release that runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.models.release import PluginRelease
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config

CODE_VARIABLE = "SYNAPSE_PLUGIN_RELEASE_CODE"
CHECKSUM_VARIABLE = "SYNAPSE_PLUGIN_RELEASE_CHECKSUM"


def resolve_app_name(env: Mapping[str, str], folder: Path | None = None) -> str:
    """`code@version` of the release that runs.

    Args:
        env: `SYNAPSE_PLUGIN_RELEASE_CODE` wins.
        folder: The plugin's folder, whose config.yaml is read otherwise; the current one when None.

    Raises:
        ConfigurationError: Neither says which release this is.
    """
    return env.get(CODE_VARIABLE) or _release_in(folder).code


def resolve_route_prefix(env: Mapping[str, str], folder: Path | None = None) -> str:
    """`/{checksum}` of the release: from `SYNAPSE_PLUGIN_RELEASE_CHECKSUM`, else the MD5 of `code@version`.

    Raises:
        ConfigurationError: Nothing says which release this is.
    """
    checksum = env.get(CHECKSUM_VARIABLE)
    if checksum:
        return f"/{checksum}"
    name = resolve_app_name(env, folder)
    return f"/{hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()}"


def _release_in(folder: Path | None) -> PluginRelease:
    try:
        return PluginRelease(read_plugin_config(find_plugin_config(folder or Path.cwd())))
    except ConfigurationError as exc:
        raise ConfigurationError(
            f"Nothing says which release this is: set {CODE_VARIABLE} (code@version), or run in the plugin's folder."
        ) from exc
