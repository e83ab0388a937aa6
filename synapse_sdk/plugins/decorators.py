"""Actions written as functions. A class derived from `BaseAction` can do more; new plugins should use one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from synapse_sdk.plugins.action import AnyParams, BaseAction, NoResult
from synapse_sdk.plugins.enums import PluginCategory

F = TypeVar("F", bound=Callable[..., Any])


def action(
    name: str | None = None,
    *,
    description: str | None = None,
    params: type[BaseModel] | None = None,
    result: type[BaseModel] | None = None,
    category: PluginCategory | None = None,
) -> Callable[[F], F]:
    """Mark a function `(params, ctx)` as an action.

    Args:
        name: The action's name; the function's when None.
        description: What it does.
        params: Model of its parameters.
        result: Model of its result.
        category: What kind of plugin it belongs to.
    """

    def mark(function: F) -> F:
        attributes = {
            "_is_action": True,
            "_action_name": name or function.__name__,
            "_action_description": description or (function.__doc__ or "").strip(),
            "_action_params": params,
            "_action_result": result,
            "_action_category": category,
        }
        function.__dict__.update(attributes)
        return function

    return mark


def action_class_of(function: Callable[..., Any]) -> type[BaseAction[Any]]:
    """The action class that calls a marked function."""

    def execute(self: BaseAction[Any]) -> Any:
        return function(self.params, self.ctx)

    marks = function.__dict__
    members = {
        "action_name": marks["_action_name"],
        "category": marks["_action_category"],
        "params_model": marks["_action_params"] or AnyParams,
        "result_model": marks["_action_result"] or NoResult,
        "execute": execute,
        "__doc__": marks["_action_description"],
        "__module__": function.__module__,
    }
    return type(function.__name__, (BaseAction,), members)
