"""What a component's constructor takes beyond the config and run-time arguments: filled from the config, by name."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from typing import Any

from cvlabkit.core.config import Config
from synapse_sdk.components.names import ComponentPath, component_of_module
from synapse_sdk.exceptions import ComponentError

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
# The annotations that are held; what they say to who wrote the config. True is no number, though Python has it so.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "str": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "None": ((type(None),), "null"),
}


def fill_parameters(component: ComponentPath, found: type, config: Config, *, given: int) -> dict[str, Any]:
    """The arguments that the config has for a constructor which is given so many already.

    Raises:
        ComponentError: One is missing, or of a kind that the constructor's annotation rules out; or there is no
            place for what is given.
    """
    # Of `__init__`: the metaclass's own call says nothing.
    parameters = list(inspect.signature(found.__init__).parameters.values())[1:]  # type: ignore[misc]
    places = [each.name for each in parameters if each.kind in _POSITIONAL]
    if len(places) < given + 1 and all(each.kind is not inspect.Parameter.VAR_POSITIONAL for each in parameters):
        raise ComponentError(
            f"{component}: its constructor takes {len(places)} in front of `*`, and is given {given + 1}: the config, "
            "and what the agent passes."
        )
    taken = set(places[: given + 1])
    filled = {}
    for each in parameters:
        if each.kind not in _NAMED or each.name in taken:
            continue
        if each.name in config:
            filled[each.name] = _checked(component, each, config[each.name])
        elif each.default is inspect.Parameter.empty:
            raise ComponentError(f"{component} needs {each.name!r}; the config has no such key.")
    return filled


def unused_arguments(found: type, names: Iterable[str]) -> list[str]:
    """Arguments of a call that the component's text never mentions: mistyped, most likely.

    No more than a warning, for a component may hand its config on to code that reads it.
    """
    own = [sys.modules[each.__module__] for each in found.__mro__ if component_of_module(each.__module__) is not None]
    words = {word for module in own for word in re.findall(r"\w+", inspect.getsource(module))}
    return [name for name in names if name not in words]


def _checked(component: ComponentPath, parameter: inspect.Parameter, value: Any) -> Any:
    annotation = parameter.annotation
    names = annotation.split(" | ") if isinstance(annotation, str) else [getattr(annotation, "__name__", "")]
    if not all(name in _KINDS for name in names):
        return value
    kinds = {kind for name in names for kind in _KINDS[name][0]}
    if not isinstance(value, tuple(kinds)) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(_KINDS[name][1] for name in names)
        raise ComponentError(f"{component} takes {parameter.name} as {wanted}, not {value!r}.")
    return value
