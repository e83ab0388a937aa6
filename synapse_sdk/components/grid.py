"""One config, many runs: every YAML list is an axis, and the runs are all combinations, the last axis turning fastest.

Tuples, quoted lists, and lists inside the parentheses of a call are data. So is a list that is itself a value of an
axis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

from synapse_sdk.components.config_file import ConfigDocument, KeyPath

# A grid beyond this is a mistake that would fill a queue.
MAX_RUNS = 10_000
# Keys of all runs together: 10,000 runs of 300 keys each.
MAX_KEYS = 3_000_000
# A value of an axis may be a whole mapping; people are shown its beginning.
MAX_SHOWN_VALUE = 300


@dataclass(frozen=True)
class GridRun:
    """One combination.

    Attributes:
        choices: For each axis that the combination passes, which of its values was taken.
    """

    data: dict[str, Any]
    choices: Mapping[KeyPath, int]


def expand_grid(document: ConfigDocument) -> list[GridRun]:
    """All runs of a config; one when it has no list.

    Raises:
        ComponentError: A list is empty, or there are more than `MAX_RUNS` combinations, or they are too large.
    """
    count, keys = _count(document, document.data, ()), _count_keys(document.data)
    if count > MAX_RUNS:
        raise document.problem((), f"the lists give {count} runs; {MAX_RUNS} is the limit.")
    if count * keys > MAX_KEYS:
        raise document.problem((), f"the lists give {count} runs of {keys} keys each; {MAX_KEYS} keys is the limit.")
    return [GridRun(data, choices) for data, choices in _variants(document.data, ())]


def value_at(document: ConfigDocument, path: KeyPath) -> Any:
    """What a config says at a place."""
    value: Any = document.data
    for part in path:
        value = value[part]
    return value


def show_key(path: KeyPath) -> str:
    """A place in a config, for people."""
    return ".".join(map(str, path))


def show_value(value: Any) -> str:
    """A value of an axis, for people."""
    return str(value)[:MAX_SHOWN_VALUE]


def show_choices(document: ConfigDocument, run: GridRun) -> dict[str, str]:
    """What a run took of each axis, for people: what tells it from the other runs of its grid."""
    return {show_key(path): show_value(value_at(document, path)[index]) for path, index in run.choices.items()}


def _count(document: ConfigDocument, value: Any, path: KeyPath) -> int:
    if isinstance(value, dict):
        return reduce(lambda total, item: total * _count(document, item[1], (*path, item[0])), value.items(), 1)
    if not isinstance(value, list):
        return 1
    if not value:
        raise document.problem(path, "an empty list gives no run; leave it out, or write it in quotes.")
    return sum(_count_choice(document, item, (*path, index)) for index, item in enumerate(value))


def _count_choice(document: ConfigDocument, item: Any, path: KeyPath) -> int:
    return 1 if isinstance(item, list) else _count(document, item, path)


def _count_keys(value: Any) -> int:
    """How many keys the largest run has."""
    if isinstance(value, dict):
        return len(value) + sum(map(_count_keys, value.values()))
    if not isinstance(value, list):
        return 0
    return max((_count_keys(item) for item in value if not isinstance(item, list)), default=0)


def _variants(value: Any, path: KeyPath) -> Iterator[tuple[Any, dict[KeyPath, int]]]:
    if isinstance(value, dict):
        inner = [list(_variants(each, (*path, key))) for key, each in value.items()]
        for chosen in product(*inner):
            data = {key: item for key, (item, _) in zip(value, chosen, strict=True)}
            yield data, {axis: index for _, choices in chosen for axis, index in choices.items()}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            of_item = [(item, {})] if isinstance(item, list) else _variants(item, (*path, index))
            yield from ((data, {path: index, **choices}) for data, choices in of_item)
    else:
        yield value, {}
