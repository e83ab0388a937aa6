"""Configuration values of a running plugin, typed on the way out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from synapse_sdk.exceptions import ConfigurationError

_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
N = TypeVar("N", int, float)


class PluginEnvironment:
    """Read-only settings of a run: environment variables, a TOML file, or a dict.

    Without a default, a key that is missing raises in every typed getter.

    Args:
        values: The settings.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values or {})

    @classmethod
    def from_environ(cls, prefix: str = "") -> Self:
        """Take the environment variables that start with `prefix`; the prefix is cut off."""
        from synapse_sdk.utils.auth import read_env

        return cls({key[len(prefix) :]: value for key, value in read_env().items() if key.startswith(prefix)})

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a TOML file.

        Raises:
            ConfigurationError: The file cannot be read or is not TOML.
        """
        try:
            return cls(tomllib.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as exc:
            raise ConfigurationError(f"{path} cannot be read as TOML: {exc}") from exc

    def merge(self, other: PluginEnvironment) -> PluginEnvironment:
        """A new environment in which the values of `other` win."""
        return PluginEnvironment(self._values | other._values)

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key, default)

    def get_str(self, key: str, default: str | None = None) -> str:
        """The value as text.

        Raises:
            ConfigurationError: The key is missing and there is no default.
        """
        return str(self._require(key, default))

    def get_int(self, key: str, default: int | None = None) -> int:
        """The value as a whole number.

        Raises:
            ConfigurationError: The key is missing and there is no default, or its value is not a whole number.
        """
        return self._number(key, default, int)

    def get_float(self, key: str, default: float | None = None) -> float:
        """The value as a number.

        Raises:
            ConfigurationError: The key is missing and there is no default, or its value is not a number.
        """
        return self._number(key, default, float)

    def get_bool(self, key: str, default: bool | None = None) -> bool:  # noqa: FBT001 - a value, as in the other getters.
        """The value as true or false (true/false, 1/0, yes/no).

        Raises:
            ConfigurationError: The key is missing and there is no default, or its value is none of these.
        """
        value = self._require(key, default)
        word = str(value).strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        raise ConfigurationError(f"{key} is {value!r}; use true or false")

    def get_list(self, key: str, default: list[Any] | None = None) -> list[Any]:
        """The value as a list; text is split at commas.

        Raises:
            ConfigurationError: The key is missing and there is no default, or its value is neither list nor text.
        """
        value = self._require(key, default)
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            raise ConfigurationError(f"{key} is {value!r}; use a list, or text with commas")
        return list(value)

    def to_dict(self) -> dict[str, Any]:
        return dict(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def _require(self, key: str, default: Any) -> Any:
        value = self._values.get(key)
        value = default if value is None else value
        if value is None:
            raise ConfigurationError(
                f"{key} is not set; set it in the environment or in the plugin's config.yaml (env)"
            )
        return value

    def _number(self, key: str, default: float | None, kind: type[N]) -> N:
        value = self._require(key, default)
        try:
            return kind(value)
        except (TypeError, ValueError) as exc:
            raise ConfigurationError(f"{key} is {value!r}; use a number ({kind.__name__})") from exc
