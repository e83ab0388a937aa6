"""Builds what a config names: `create.model()`, `create.transform.train()`, `create.agent()`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from cvlabkit.component import base
from cvlabkit.core.agent import Agent
from cvlabkit.core.config import Config
from cvlabkit.core.parameters import fill_parameters, unused_arguments
from synapse_sdk.components.call_syntax import ComponentCall
from synapse_sdk.components.config_components import COMPOSE, Option, run_options
from synapse_sdk.components.grid import GridRun
from synapse_sdk.components.names import Category, ComponentPath, did_you_mean
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


class Creator:
    """Builds the components of one run.

    Every component is imported at once: what is missing is said before anything is trained.

    Args:
        config: A config without axes: one of `Config.expand()`.

    Raises:
        ComponentError: A component is missing, or not written as one; file, line and key are named.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._options: dict[Category, dict[str | None, Option]] = {category: {} for category in Category}
        self._classes: dict[ComponentPath, type] = {}
        for option in run_options(config.document, GridRun(config.document.data, {})):
            self._options[option.category][option.name] = option
            for component in _components_of(option):
                with _at(config, option):
                    self._classes[component] = find_class(component)

    def agent(self, *arguments: Any) -> Agent:
        """The configured agent."""
        made: Agent = self.build(Category.AGENT, None, self, *arguments)
        return made

    def all(self, category: str, *arguments: Any) -> dict[str, Any]:
        """Every component of a category by its logical name; one that has none is called as its file is."""
        kind = Category(category)
        return {
            option.calls[0].name if name is None else name: self.build(kind, name, *arguments)
            for name, option in self._options[kind].items()
        }

    def optional(self, category: str, name: str | None = None, *arguments: Any) -> Any:
        """The component of a logical name, else the one that has none, for all uses; None when there is neither."""
        options = self._options[Category(category)]
        found = [each for each in (name, None) if each in options]
        return self.build(Category(category), found[0], *arguments) if found else None

    def required(self, category: str, name: str, *arguments: Any) -> Any:
        """The same, where there must be one.

        Raises:
            ComponentError: The config has none.
        """
        options = self._options[Category(category)]
        return self.build(Category(category), None if name not in options and None in options else name, *arguments)

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
            there = ", ".join(str(each) for each in options if each) or "one component" * bool(options) or "nothing"
            wanted = category.value if name is None else f"{category}.{name}"
            example = " Write `agent: classification`, say." if category is Category.AGENT and not options else ""
            what = f"The config has no {wanted}; under {category} there is {there}.{example}"
            raise self.config.document.problem((), what)
        option = options[name]
        if not option.is_pipeline:
            return self._make(option, option.calls[0], *arguments)
        parts = [self._make(option, call, *arguments) for call in option.calls]
        return self._make(option, ComponentCall(COMPOSE), parts)

    def _make(self, option: Option, call: ComponentCall, *arguments: Any) -> Any:
        component = ComponentPath(option.category, call.name)
        config = self.config.merge(call.arguments)
        found = self._classes[component]
        with _at(self.config, option):
            filled = fill_parameters(component, found, config, given=len(arguments))
        for name in unused_arguments(found, call.arguments):
            warning = self.config.problem(_key_of(option), f"{component} has no use for {name}.")
            sys.stderr.write(f"Warning: {warning}\n")
        return found(config, *arguments, **filled)


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
        ComponentError: There is no such file, it cannot be imported, or there is not exactly one class in it.
    """
    try:
        module = import_module(component.module)
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{component.module}.".startswith(f"{exc.name}."):
            near = did_you_mean(component.name, _names_beside(component))
            raise ComponentError(f"there is no component {component}.{near}") from exc
        raise ComponentError(f"{component} imports {exc.name}, which is not installed{_extra_of(exc.name)}.") from exc
    except SyntaxError as exc:
        raise ComponentError(f"{component}:{exc.lineno or 1}: {exc.msg}.") from exc
    except ImportError as exc:
        raise ComponentError(f"{component} cannot be imported: {exc}.") from exc
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


def _names_beside(component: ComponentPath) -> list[str]:
    try:
        folders = import_module(component.module.rpartition(".")[0]).__path__
    except ModuleNotFoundError:
        return []
    return [each.name for each in iter_modules(folders)]


def _components_of(option: Option) -> list[ComponentPath]:
    names = [call.name for call in option.calls]
    return [ComponentPath(option.category, name) for name in (*names, *[COMPOSE] * option.is_pipeline)]


@contextmanager
def _at(config: Config, option: Option) -> Iterator[None]:
    """Names the config's file, line and key where a component is refused."""
    try:
        yield
    except ComponentError as exc:
        raise config.problem(_key_of(option), str(exc)) from exc


def _key_of(option: Option) -> str:
    return option.category.value if option.name is None else f"{option.category}.{option.name}"


def _extra_of(module: str | None) -> str:
    is_ours = module is not None and module.partition(".")[0] in {"torch", "sklearn", "numpy"}
    return "; `pip install synapse-platform[train]` brings it" if is_ours else ""
