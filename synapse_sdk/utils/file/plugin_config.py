"""Finds a plugin's configuration file and reads it strictly: what YAML would quietly forgive is an error here."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from synapse_sdk.exceptions import ConfigurationError

CONFIG_FILE_NAMES = ("config.yaml", "synapse.yaml")
# A configuration with UI schemas is some tens of kilobytes; anything far beyond is another file.
MAX_CONFIG_BYTES = 1 << 20


class _StrictLoader(yaml.SafeLoader):
    """Plain YAML without a key that is given twice, of which the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in seen:
                problem = f"key {key_node.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


def find_plugin_config(path: str | Path) -> Path:
    """The configuration file of a plugin folder, or the file itself when one is named.

    Raises:
        ConfigurationError: There is none, or there are two.
    """
    path = Path(path)
    if path.is_file():
        return path
    found = [path / name for name in CONFIG_FILE_NAMES if (path / name).is_file()]
    if len(found) > 1:
        raise ConfigurationError(f"{path} has both {' and '.join(CONFIG_FILE_NAMES)}; keep one")
    if not found:
        raise ConfigurationError(
            f"{path} is not a plugin folder: it has no {' or '.join(CONFIG_FILE_NAMES)}. "
            "Go to a plugin's folder, or make one with `synapse plugin create`"
        )
    return found[0]


def read_plugin_config(path: Path) -> dict[str, Any]:
    """The raw content of a configuration file.

    Raises:
        ConfigurationError: It cannot be read, is not YAML, or is not a mapping of names.
    """
    try:
        if path.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigurationError(f"{path} is larger than {MAX_CONFIG_BYTES >> 20} MiB; is it a configuration?")
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader.
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as exc:
        if isinstance(exc, ConfigurationError):
            raise
        raise ConfigurationError(f"{path} cannot be read as YAML: {_problem(exc)}") from exc
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigurationError(f"{path} must be a mapping of keys to values, starting with name and code")
    return content


def _problem(exc: Exception) -> str:
    mark = getattr(exc, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{getattr(exc, 'problem', None) or exc}"
