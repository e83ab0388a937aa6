"""Which components a config names, and where it does.

A category's value is one component (`adam`, `resnet(depth=18)`, `{_type: resnet, depth: 18}`), a pipeline
(`resize(size=8) | to_tensor`, which takes `compose` too), or a mapping of logical names to such values. Every other key
is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from synapse_sdk.components.call_syntax import ComponentCall, parse_pipeline
from synapse_sdk.components.config_file import ConfigDocument, KeyPath
from synapse_sdk.components.grid import GridRun, expand_grid
from synapse_sdk.components.names import Category, ComponentPath, is_name
from synapse_sdk.components.placeholders import resolve_placeholders
from synapse_sdk.exceptions import ComponentError

TYPE_KEY = "_type"
COMPOSE = "compose"
Parse = Callable[[str], tuple[ComponentCall, ...]]


@dataclass(frozen=True)
class Reference:
    """One component that a config needs.

    Attributes:
        origin: The file that names it.
        line: The line that does.
        key: The key there, with dots.
        is_implicit: Nobody wrote it: a pipeline needs its category's `compose`.
    """

    component: ComponentPath
    origin: str
    line: int
    key: str
    is_implicit: bool = False


@dataclass(frozen=True)
class Option:
    """What one name of a category stands for: a component, or the components of a pipeline.

    Attributes:
        name: The logical name; None when the category has but one component.
    """

    category: Category
    name: str | None
    calls: tuple[ComponentCall, ...]

    @property
    def is_pipeline(self) -> bool:
        return len(self.calls) > 1


def config_references(document: ConfigDocument) -> list[Reference]:
    """Every component that any run of the config needs, once, at the first place that names it.

    Raises:
        ComponentError: A component is not written as one, a placeholder has no value; file and line are named.
    """
    found: dict[ComponentPath, Reference] = {}
    # Runs of a grid name the same things over and over.
    parse = cache(parse_pipeline)
    for run in expand_grid(document):
        for reference in _references_of(document, run, parse):
            kept = found.setdefault(reference.component, reference)
            if kept.is_implicit and not reference.is_implicit:
                found[reference.component] = reference
    return list(found.values())


def run_options(document: ConfigDocument, run: GridRun, parse: Parse = parse_pipeline) -> list[Option]:
    """The components of one run, with their arguments.

    Args:
        document: The config.
        run: One of its runs.
        parse: Reads a component's text. One that remembers gives runs the same arguments: for who only looks at them.

    Raises:
        ComponentError: As `config_references`.
    """
    return [option for option, _ in _options_of(document, run, parse)]


def _references_of(document: ConfigDocument, run: GridRun, parse: Parse) -> Iterator[Reference]:
    for option, path in _options_of(document, run, parse):
        line, key = document.line_of(path), ".".join(str(part) for part in path if isinstance(part, str))
        for call in option.calls:
            yield Reference(ComponentPath(option.category, call.name), document.origin, line, key)
        if option.is_pipeline:
            yield Reference(ComponentPath(option.category, COMPOSE), document.origin, line, key, is_implicit=True)


def _options_of(document: ConfigDocument, run: GridRun, parse: Parse) -> Iterator[tuple[Option, KeyPath]]:
    for category in Category:
        for name, value in _named_values(run.data.get(category)):
            path = _path_in_file(run, (category.value,) if name is None else (category.value, name))
            try:
                calls = _calls_of(value, run.data, parse)
            except ComponentError as exc:
                raise document.problem(path, str(exc)) from exc
            except RecursionError as exc:
                # Texts that are placeholders only when they are put together, and lead to each other.
                raise document.problem(path, "its placeholders lead on too far.") from exc
            yield Option(category, name, calls), path


def _named_values(value: Any) -> Iterable[tuple[str | None, Any]]:
    if value is None:
        return ()
    if isinstance(value, Mapping) and TYPE_KEY not in value:
        return value.items()
    return ((None, value),)


def _path_in_file(run: GridRun, path: KeyPath) -> KeyPath:
    """The path through the lists that the run has chosen from."""
    real: KeyPath = ()
    for part in path:
        real = (*real, part)
        if real in run.choices:
            real = (*real, run.choices[real])
    return real


def _calls_of(value: Any, data: Mapping[str, Any], parse: Parse) -> tuple[ComponentCall, ...]:
    if isinstance(value, Mapping):
        if TYPE_KEY not in value:
            raise ComponentError(f"a component is text, or a mapping with `{TYPE_KEY}`.")
        arguments = {key: each for key, each in value.items() if key != TYPE_KEY}
        calls: tuple[ComponentCall, ...] = (ComponentCall(str(value[TYPE_KEY]), arguments),)
    elif isinstance(value, str):
        calls = parse(value)
    else:
        raise ComponentError(f"a component is text, or a mapping with `{TYPE_KEY}`, not {value!r}.")
    return tuple(call for each in calls for call in _resolved(each, data, parse))


def _resolved(call: ComponentCall, data: Mapping[str, Any], parse: Parse) -> tuple[ComponentCall, ...]:
    name = resolve_placeholders(call.name, data)
    arguments = resolve_placeholders(dict(call.arguments), data)
    if isinstance(name, str) and is_name(name):
        return (ComponentCall(name, arguments),)
    if name == call.name or arguments:
        raise ComponentError(f"{name!r} is no component's name; a name has Latin letters, digits and `_`.")
    # `model: "{{arch}}"`, where `arch` is written as a whole component.
    return _calls_of(name, data, parse)
