"""An experiment's config as its components read it. The syntax itself is `synapse_sdk.components`'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from synapse_sdk.components.call_syntax import read_literal
from synapse_sdk.components.config_file import ConfigDocument, read_config_file
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.components.placeholders import find_value, resolve_placeholders


class Config:
    """Values by name: `cfg["a.b"]`, `cfg.get("a.b", default)`, `cfg.a.b`, `"a.b" in cfg`.

    Placeholders are replaced when a value is read, and a quoted list becomes one.

    Args:
        source: A YAML file, or the values themselves.

    Raises:
        ComponentError: The file is no config; file and line are named.
        OSError: The file cannot be read.
    """

    is_config = True

    def __init__(self, source: str | Path | Mapping[str, Any]) -> None:
        self._document = _document_of(source)
        self._root: Mapping[str, Any] = self._document.data

    @property
    def document(self) -> ConfigDocument:
        """What was read, and from which lines."""
        return self._document

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a dotted key, or the default when there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def to_dict(self) -> dict[str, Any]:
        """The values as they are written, placeholders included."""
        return _plain(self._document.data)

    def merge(self, values: Mapping[str, Any]) -> Config:
        """A new config in which these values win; mappings are merged, everything else is replaced."""
        merged = Config(_merged(self._document.data, values))
        merged._document = ConfigDocument(merged._document.data, self._document.origin, self._document.lines)
        return merged

    def expand(self) -> list[Config]:
        """One config for each run: every list is an axis.

        Raises:
            ComponentError: A list is empty, or the grid is too large.
        """
        return [self._of_run(run.data) for run in expand_grid(self._document)]

    def dump_template(self, path: str | Path) -> None:
        """Write the config as YAML that reads back as it is: a start for the next one."""
        text = yaml.dump(self.to_dict(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
        Path(path).write_text(text, encoding="utf-8")

    def __getitem__(self, key: str) -> Any:
        value = resolve_placeholders(find_value(self._document.data, key), self._root)
        if isinstance(value, Mapping):
            return self._inner(value)
        return read_literal(value) if isinstance(value, str) else value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as exc:
            raise AttributeError(f"The config has no {name!r}.") from exc

    def __contains__(self, key: object) -> bool:
        missing = object()
        return isinstance(key, str) and find_value(self._document.data, key, missing) is not missing

    def __iter__(self) -> Iterator[str]:
        return iter(self._document.data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Config) and self._document.data == other._document.data

    def __hash__(self) -> int:
        raise TypeError("A config is no key; use one of its values.")

    def __repr__(self) -> str:
        return f"Config({self._document.data!r})"

    def _inner(self, value: Mapping[str, Any]) -> Config:
        inner = Config(value)
        # Placeholders name values from the top, wherever they stand.
        inner._root = self._root
        return inner

    def _of_run(self, data: dict[str, Any]) -> Config:
        config = Config(data)
        config._document = ConfigDocument(config._document.data, self._document.origin, self._document.lines)
        return config


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper with tuples."""


_Dumper.add_representer(
    tuple, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:python/tuple", value, flow_style=True)
)


def _document_of(source: str | Path | Mapping[str, Any]) -> ConfigDocument:
    return ConfigDocument(_plain(source)) if isinstance(source, Mapping) else read_config_file(Path(source))


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, Mapping) else value for key, value in values.items()}


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
