"""`{{key}}`: a value of the config inside another.

A text that is nothing but a placeholder becomes the value itself, of whatever type; inside a longer text it is written
out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synapse_sdk.exceptions import ComponentError

_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_MISSING = object()
# What the placeholders of one value may lead to; each counts for some characters, so that empty ones end too.
MAX_UNFOLDED = 100_000
_LOOK_UP = 100


def find_value(data: Mapping[str, Any], key: str, default: Any = _MISSING) -> Any:
    """The value of a dotted key: one name per level, unless the whole key is a name itself.

    Raises:
        KeyError: There is none, and no default was given.
    """
    if key in data:
        return data[key]
    value: Any = data
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = value[part]
    return value


def resolve_placeholders(value: Any, data: Mapping[str, Any]) -> Any:
    """The value with every placeholder replaced, at any depth.

    Raises:
        ComponentError: A key is not in the config or leads back to itself, or there is too much behind it.
    """
    try:
        return _Unfolding(data).resolve(value, ())
    except RecursionError as exc:
        raise ComponentError("its placeholders lead on too far.") from exc


class _Unfolding:
    """Replaces the placeholders of one value, up to a limit: a kilobyte may unfold to more than memory holds."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data, self._room = data, MAX_UNFOLDED

    def resolve(self, value: Any, open_keys: tuple[str, ...]) -> Any:
        if isinstance(value, str):
            return self._resolve_text(value, open_keys)
        if isinstance(value, Mapping):
            self._take(len(value), open_keys)
            return {key: self.resolve(each, open_keys) for key, each in value.items()}
        if isinstance(value, list | tuple):
            self._take(len(value), open_keys)
            return type(value)(self.resolve(each, open_keys) for each in value)
        return value

    def _resolve_text(self, text: str, open_keys: tuple[str, ...]) -> Any:
        if whole := _PLACEHOLDER.fullmatch(text):
            return self._look_up(whole.group(1).strip(), open_keys)
        return _PLACEHOLDER.sub(lambda match: self._write(match.group(1).strip(), open_keys), text)

    def _write(self, key: str, open_keys: tuple[str, ...]) -> str:
        text = str(self._look_up(key, open_keys))
        self._take(len(text), (key,))
        return text

    def _look_up(self, key: str, open_keys: tuple[str, ...]) -> Any:
        if key in open_keys:
            raise ComponentError(f"`{{{{{key}}}}}` leads back to itself: {' > '.join([*open_keys, key])}.")
        try:
            found = find_value(self._data, key)
        except KeyError as exc:
            raise ComponentError(f"`{{{{{key}}}}}`: the config has no {key!r}.") from exc
        self._take(_LOOK_UP, (key,))
        return self.resolve(found, (*open_keys, key))

    def _take(self, size: int, open_keys: tuple[str, ...]) -> None:
        """Count what a placeholder has led to; what stands there without one is as long as it is."""
        self._room -= size if open_keys else 0
        if self._room < 0:
            raise ComponentError(f"its placeholders unfold to more than {MAX_UNFOLDED:,} characters.")
