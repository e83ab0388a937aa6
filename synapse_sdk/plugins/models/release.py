"""One version of a plugin, as those who run it name it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ActionNotFoundError, ConfigurationError
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config


class PluginRelease:
    """A plugin and its version.

    Args:
        config: The raw configuration; read from `plugin_path` when None.
        plugin_path: The plugin's folder.
        envs: Variables for its runs.

    Raises:
        ConfigurationError: There is no configuration, or it names no code or version.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        plugin_path: str | Path | None = None,
        envs: Mapping[str, str] | None = None,
    ) -> None:
        if config is None:
            if plugin_path is None:
                raise ConfigurationError("PluginRelease needs a config or a plugin_path")
            config = read_plugin_config(find_plugin_config(plugin_path))
        if not config.get("code"):
            raise ConfigurationError("The plugin's configuration has no code; add one, such as code: my-plugin")
        self.config = dict(config)
        self.plugin_path = Path(plugin_path) if plugin_path else None
        self.envs = dict(envs or {})

    @property
    def plugin(self) -> str:
        """The plugin's code."""
        return str(self.config["code"])

    @property
    def version(self) -> str:
        return str(self.config.get("version", "0.1.0"))

    @property
    def code(self) -> str:
        """Code and version: `my-plugin@1.0.0`."""
        return f"{self.plugin}@{self.version}"

    @property
    def name(self) -> str:
        return str(self.config.get("name", self.plugin))

    @property
    def category(self) -> str:
        return str(self.config.get("category", "custom"))

    @property
    def package_manager(self) -> str:
        return str(self.config.get("package_manager", "pip"))

    @property
    def package_manager_options(self) -> list[str]:
        return list(self.config.get("package_manager_options", []))

    @property
    def checksum(self) -> str:
        """Short name of the release in routes and file names; the archive has a checksum of its own."""
        return hashlib.md5(self.code.encode(), usedforsecurity=False).hexdigest()

    @property
    def actions(self) -> list[str]:
        return list(self.config.get("actions") or {})

    def get_action_config(self, action: str) -> dict[str, Any]:
        """One action's section; a bare entrypoint as `{entrypoint}`.

        Raises:
            ActionNotFoundError: There is no such action.
        """
        if action not in self.actions:
            raise ActionNotFoundError(f"{self.code} has no action {action!r}", {"available": self.actions})
        section = self.config["actions"][action]
        return {"entrypoint": section} if isinstance(section, str) else dict(section or {})

    def get_url(self, storage_url: str) -> str:
        """Where the archive lies below a storage's address."""
        return f"{storage_url.rstrip('/')}/{self.checksum}.zip"

    def get_serve_url(self, serve_address: str, path: str) -> str:
        """Address of a route of the release's serve application."""
        return f"{serve_address.rstrip('/')}/{self.checksum}/{path.lstrip('/')}"
