"""Builds what a config names: `create.model()`, `create.transform.train()`, `create.agent()`."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from cvlabkit.component import base
from cvlabkit.core.agent import Agent
from cvlabkit.core.config import Config
from synapse_sdk.components.call_syntax import ComponentCall
from synapse_sdk.components.config_components import COMPOSE, Option, run_options
from synapse_sdk.components.grid import GridRun
from synapse_sdk.components.names import Category, ComponentPath
from synapse_sdk.exceptions import ComponentError

BASES: dict[Category, type] = {
    Category.AGENT: Agent,
    Category.MODEL: base.Model,
    Category.DATASET: base.Dataset,
    Category.DATALOADER: base.DataLoader,
    Category.TRANSFORM: base.Transform,
    Category.OPTIMIZER: base.Optimizer,
    Category.LOSS: base.Loss,
    Category.METRIC: base.Metric,
    Category.SCHEDULER: base.Scheduler,
    Category.SAMPLER: base.Sampler,
    Category.SOLVER: base.Solver,
    Category.CHECKPOINT: base.Checkpoint,
    Category.LOGGER: base.Logger,
}
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Creator:
    """Builds the components of one run.

    Args:
        config: A config without axes: one of `Config.expand()`.

    Raises:
        ComponentError: A component is not written as one; file and line are named.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._options: dict[Category, dict[str | None, Option]] = {category: {} for category in Category}
        for option in run_options(config.document, GridRun(config.document.data, {})):
            self._options[option.category][option.name] = option

    def agent(self, *arguments: Any) -> Agent:
        """The configured agent."""
        made: Agent = self.build(Category.AGENT, None, self, *arguments)
        return made

    def __getattr__(self, name: str) -> CategoryCreator:
        if name not in set(Category):
            raise AttributeError(f"{name!r} is no category; there are {', '.join(Category)}.")
        return CategoryCreator(self, Category(name))

    def __contains__(self, category: object) -> bool:
        return category in set(Category) and bool(self._options[Category(str(category))])

    def build(self, category: Category, name: str | None, *arguments: Any) -> Any:
        """One component by its category and logical name.

        Raises:
            ComponentError: The config has none, or it cannot be built.
        """
        options = self._options[category]
        if name not in options:
            there = ", ".join(str(each) for each in options if each) or "nothing"
            wanted = category.value if name is None else f"{category}.{name}"
            raise ComponentError(f"The config has no {wanted}; under {category} there is {there}.")
        calls = options[name].calls
        if len(calls) == 1:
            return self._make(category, calls[0], *arguments)
        parts = [self._make(category, call, *arguments) for call in calls]
        return self._make(category, ComponentCall(COMPOSE), parts)

    def _make(self, category: Category, call: ComponentCall, *arguments: Any) -> Any:
        component = ComponentPath(category, call.name)
        config = self.config.merge(call.arguments)
        found = find_class(component)
        return found(config, *arguments, **_fill(component, found, config, len(arguments)))


class CategoryCreator:
    """`create.model`: call it, or one of its logical names."""

    def __init__(self, creator: Creator, category: Category) -> None:
        self._creator = creator
        self._category = category

    def __call__(self, *arguments: Any) -> Any:
        return self._creator.build(self._category, None, *arguments)

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self._creator.build(self._category, name, *arguments)


def find_class(component: ComponentPath) -> type:
    """The concrete class of a component's file.

    Raises:
        ComponentError: There is no such file, or not exactly one class in it.
    """
    try:
        module = import_module(component.module)
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{component.module}.".startswith(f"{exc.name}."):
            raise ComponentError(f"There is no component {component}.") from exc
        raise
    wanted = BASES[component.category]
    own = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, wanted) and each.__module__ == module.__name__
    ]
    # A class that others of the file build on is their part, not the component.
    leaves = [each for each in own if not any(each in other.__mro__[1:] for other in own)]
    if len(leaves) != 1:
        names = ", ".join(each.__name__ for each in leaves) or "none"
        raise ComponentError(f"{component}: one class must be a {wanted.__name__}; found {names}.")
    return leaves[0]


def _fill(component: ComponentPath, found: type, config: Config, given: int) -> dict[str, Any]:
    """Named parameters beyond config and run-time arguments, by their names in the config."""
    # Of `__init__`: the metaclass's own call says nothing.
    parameters = list(inspect.signature(found.__init__).parameters.values())[1:]  # type: ignore[misc]
    taken = {each.name for each in [each for each in parameters if each.kind in _POSITIONAL][: given + 1]}
    filled = {}
    for each in parameters:
        if each.kind not in _NAMED or each.name in taken:
            continue
        if each.name in config:
            filled[each.name] = config[each.name]
        elif each.default is inspect.Parameter.empty:
            raise ComponentError(f"{component} needs {each.name!r}; the config has no such key.")
    return filled
