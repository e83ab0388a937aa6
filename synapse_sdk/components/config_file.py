"""A config file: YAML read safely, its values and the line of each.

Only data is built: any tag but those of YAML itself and `!!python/tuple` is refused. A key that is there twice is
refused too, which YAML demands and PyYAML does not do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from synapse_sdk.exceptions import ComponentError

KeyPath = tuple[str | int, ...]
# No config that people write comes near.
MAX_VALUES = 100_000
MAX_DEPTH = 50
MERGE_TAG = "tag:yaml.org,2002:merge"
# What `{{key}}` is to YAML: a mapping as the key of a mapping.
UNQUOTED = 'a placeholder is written in quotes, as in "{{key}}"'
# YAML 1.1 wants a dot in a number with an exponent; everybody else reads 1e-3 as a number.
EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+\Z")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with tuples, and with 1e-3 as the number that it is."""


def _construct_tuple(loader: _Loader, node: yaml.Node) -> tuple[Any, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise yaml.constructor.ConstructorError(None, None, "a tuple is written as a list", node.start_mark)
    return tuple(loader.construct_sequence(node, deep=True))


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    try:
        number: int = loader.construct_yaml_int(node)
        # One of hexadecimal digits may be longer than Python writes it out.
        str(number)
    except ValueError as exc:
        raise yaml.constructor.ConstructorError(None, None, "a number of too many digits", node.start_mark) from exc
    return number


def _refuse_tag(_loader: _Loader, node: yaml.Node) -> None:
    tag = node.tag.replace("tag:yaml.org,2002:", "!!")
    problem = f"the tag {tag} is refused: a config is data; besides those of YAML, its only tag is !!python/tuple"
    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _construct_tuple)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor(None, _refuse_tag)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))


@dataclass(frozen=True)
class ConfigDocument:
    """What a config file says, and where.

    Attributes:
        origin: The file, as messages name it.
        lines: The line of every key and list item, by its path from the top.
    """

    data: dict[str, Any]
    origin: str = "config"
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line of a value, or of the nearest thing around it; 1 when nothing is known."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(tuple(path[:length]))) is not None:
                return line
        return 1

    def problem(self, path: Sequence[str | int], what: str) -> ComponentError:
        """An error that names file, line and key."""
        key = f"{'.'.join(map(str, path))}: " if path else ""
        return ComponentError(f"{self.origin}:{self.line_of(path)}: {key}{what}")


def read_config_file(path: Path) -> ConfigDocument:
    """Read a config.

    Raises:
        ComponentError: It is no YAML, or not a mapping of names to values.
        OSError: The file cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ComponentError(f"{path}:1: byte {exc.start + 1} is not UTF-8.") from exc
    return parse_config(text, str(path))


def parse_config(text: str, origin: str = "config") -> ConfigDocument:
    """Read a config's text.

    Raises:
        ComponentError: It is no YAML, or not a mapping of names to values.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines = {} if node is None else _bounded(_lines_of(node, (), origin, set()), origin)
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = UNQUOTED if exc.problem == "found unhashable key" else exc.problem or "no YAML"
        raise ComponentError(f"{origin}:{mark.line + 1 if mark else 1}: {problem}.") from exc
    except ComponentError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise ComponentError(f"{origin}:1: {str(exc) or 'nested too deeply'}") from exc
    if data is None:
        data = {}
    if not isinstance(data, dict) or not all(isinstance(key, str) for key in data):
        raise ComponentError(f"{origin}:1: a config is a mapping of names to values.")
    return ConfigDocument(data, origin, lines)


def _bounded(lines: Iterator[tuple[KeyPath, int]], origin: str) -> dict[KeyPath, int]:
    found = dict(islice(lines, MAX_VALUES + 1))
    if len(found) > MAX_VALUES:
        # Anchors within anchors: a kilobyte that unfolds to more than any memory holds.
        raise ComponentError(f"{origin}:{max(found.values())}: more than {MAX_VALUES} values, anchors unfolded.")
    return found


def _lines_of(node: yaml.Node, path: KeyPath, origin: str, open_nodes: set[int]) -> Iterator[tuple[KeyPath, int]]:
    if id(node) in open_nodes:
        raise ComponentError(f"{origin}:{node.start_mark.line + 1}: an anchor holds itself.")
    if len(path) > MAX_DEPTH:
        raise ComponentError(f"{origin}:{node.start_mark.line + 1}: nested deeper than {MAX_DEPTH} levels.")
    if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
        raise ComponentError(f"{origin}:{node.start_mark.line + 1}: a surrogate (\\ud800 to \\udfff) is no character.")
    inner = open_nodes | {id(node)}
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key_node, value_node in node.value:
            yield from _lines_of(key_node, path, origin, inner)
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in seen and key_node.tag != MERGE_TAG:
                raise ComponentError(f"{origin}:{line}: the key {key!r} is there twice.")
            seen.add(key)
            yield (*path, key), line
            yield from _lines_of(value_node, (*path, key), origin, inner)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*path, index), item.start_mark.line + 1
            yield from _lines_of(item, (*path, index), origin, inner)
