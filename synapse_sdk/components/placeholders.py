"""`{{key}}`: a value of the config inside another.

A text that is nothing but a placeholder becomes the value itself, of whatever type; inside a longer text it is written
out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synapse_sdk.exceptions import ComponentError

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MISSING = object()


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
        ComponentError: A key is not in the config, or leads back to itself.
    """
    return _resolve(value, data, ())


def _resolve(value: Any, data: Mapping[str, Any], open_keys: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _resolve_text(value, data, open_keys)
    if isinstance(value, Mapping):
        return {key: _resolve(each, data, open_keys) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolve(each, data, open_keys) for each in value)
    return value


def _resolve_text(text: str, data: Mapping[str, Any], open_keys: tuple[str, ...]) -> Any:
    if whole := _PLACEHOLDER.fullmatch(text):
        return _look_up(whole.group(1), data, open_keys)
    return _PLACEHOLDER.sub(lambda match: str(_look_up(match.group(1), data, open_keys)), text)


def _look_up(key: str, data: Mapping[str, Any], open_keys: tuple[str, ...]) -> Any:
    if key in open_keys:
        raise ComponentError(f"`{{{{{key}}}}}` leads back to itself: {' > '.join([*open_keys, key])}.")
    try:
        found = find_value(data, key)
    except KeyError as exc:
        raise ComponentError(f"`{{{{{key}}}}}`: the config has no {key!r}.") from exc
    return _resolve(found, data, (*open_keys, key))
