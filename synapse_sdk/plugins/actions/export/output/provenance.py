"""Which plugin makes an export: the release that runs, or what lies in the folder that it is run from."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.file.checksum import calculate_checksum

RELEASE_VARIABLE = "SYNAPSE_PLUGIN_RELEASE_CODE"


def plugin_versions(action: type, env: Mapping[str, Any]) -> dict[str, Any]:
    """`plugin` (`code@version`, None for none), and `plugin_files` where a folder may hold anything under that version.

    A release never changes, so its name is enough. Of a folder it is the configuration and the modules that are loaded
    by now, not all that lies there: exports may lie there, too.

    Args:
        action: The action's class.
        env: Settings of the run; an agent's name the release.
    """
    if env.get(RELEASE_VARIABLE):
        return {"plugin": env[RELEASE_VARIABLE]}
    try:
        config = _config_of(action)
        if config is None:
            return {"plugin": None}
        # These read YAML: an export by the SDK's own action starts without it.
        from synapse_sdk.plugins.models.release import PluginRelease
        from synapse_sdk.utils.file.plugin_config import read_plugin_config

        release = PluginRelease(read_plugin_config(config))
        files = {path: calculate_checksum(path) for path in (config, *_loaded_below(config.parent))}
    except (ConfigurationError, OSError):
        return {"plugin": None}  # Whose code this is, nobody says.
    names = {path.relative_to(config.parent).as_posix(): sha256 for path, sha256 in files.items()}
    return {"plugin": release.code, "plugin_files": dict(sorted(names.items()))}


def _config_of(action: type) -> Path | None:
    """The configuration nearest to the file that holds the action; the SDK's own actions are no plugin's."""
    file = getattr(sys.modules.get(action.__module__), "__file__", None)
    if file is None or action.__module__.partition(".")[0] == __name__.partition(".")[0]:
        return None
    from synapse_sdk.utils.file.plugin_config import find_plugin_config

    for folder in Path(file).resolve().parents:
        try:
            return find_plugin_config(folder)
        except ConfigurationError:
            continue
    return None


def _loaded_below(folder: Path) -> Iterator[Path]:
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or not path.is_relative_to(folder):
            continue
        # Packages of the plugin's own environment are named by its requirements.
        if "site-packages" not in path.relative_to(folder).parts and path.is_file():
            yield path
