"""An experiment's config as its components read it. The syntax itself is `synapse_sdk.components`'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from synapse_sdk.components.call_syntax import read_literal
from synapse_sdk.components.config_file import ConfigDocument, KeyPath, parse_config, read_config_file
from synapse_sdk.components.config_text import config_to_yaml, run_to_yaml
from synapse_sdk.components.grid import expand_grid
from synapse_sdk.components.placeholders import find_value, resolve_placeholders
from synapse_sdk.exceptions import ComponentError


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

    def whole_number(self, key: str, *, default: int, at_least: int | None = None) -> int:
        """A value that must be a whole number.

        Raises:
            ComponentError: It is none, or less than it may be; file, line and key are named.
        """
        value = self.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.problem(key, f"{value!r} is no whole number.")
        if at_least is not None and value < at_least:
            raise self.problem(key, f"{value} is less than {at_least}.")
        return value

    def problem(self, key: str, what: str) -> ComponentError:
        """An error that names file, line and key."""
        return self._document.problem(key.split("."), what)

    def to_dict(self) -> dict[str, Any]:
        """The values as they are written, placeholders included."""
        return _plain(self._document.data)

    def merge(self, values: Mapping[str, Any]) -> Config:
        """A new config in which these values win; mappings are merged, everything else is replaced."""
        return self._with_data(_merged(self._document.data, values))

    def with_changes(self, changes: Sequence[str]) -> Config:
        """A new config in which `key=value` wins, the key dotted, the value as YAML has it.

        Raises:
            ComponentError: A change is not written so.
        """
        data, keys = self._document.data, set()
        for change in changes:
            key, sign, text = change.partition("=")
            if not sign or not all(key.split(".")):
                raise ComponentError(f"{change!r}: a change is written key=value.")
            values = parse_config(f"value: {text}", origin=f"--set {key}").data["value"]
            for part in reversed(key.split(".")):
                values = {part: values}
            data = _merged(data, values)
            keys.add(tuple(key.split(".")))
        config = Config(data)
        config._document = _ChangedDocument(_plain(data), self._document.origin, self._document.lines, frozenset(keys))
        return config

    def expand(self) -> list[Config]:
        """One config for each run: every list is an axis.

        Raises:
            ComponentError: A list is empty, or the grid is too large.
        """
        return [self._with_data(run.data) for run in expand_grid(self._document)]

    def dump_template(self, path: str | Path) -> None:
        """Write the config as YAML that reads back as it is: a start for the next one."""
        Path(path).write_text(config_to_yaml(self.to_dict()), encoding="utf-8")

    def dump_run(self, path: str | Path) -> None:
        """Write the config of one run: what is a list in it is data, and reads back as such, not as an axis."""
        Path(path).write_text(run_to_yaml(self.to_dict()), encoding="utf-8")

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

    def _with_data(self, data: dict[str, Any]) -> Config:
        """Other values, which keep the file's lines for messages."""
        config = Config(data)
        config._document = replace(self._document, data=config._document.data)
        return config


@dataclass(frozen=True)
class _ChangedDocument(ConfigDocument):
    """A config of which some values came from elsewhere than the file.

    Attributes:
        changed: Their keys.
    """

    changed: frozenset[KeyPath] = frozenset()

    def problem(self, path: Sequence[str | int], what: str) -> ComponentError:
        if any(tuple(path[: len(key)]) == key for key in self.changed):
            return ComponentError(f"--set {'.'.join(map(str, path))}: {what}")
        return super().problem(path, what)


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
