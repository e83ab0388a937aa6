"""Actions one after the other, each reading what the earlier ones made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from synapse_sdk.exceptions import PluginError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.discovery import name_of_class
from synapse_sdk.plugins.pipelines.context import PipelineContext

ActionClass = type[BaseAction[Any]]
POLL_SECONDS = 0.5


class SchemaIncompatibleError(PluginError):
    """An action of a pipeline reads what the one before it does not make."""

    code = "SCHEMA_INCOMPATIBLE"


class PipelineExecutor(Protocol):
    """Runs a pipeline elsewhere; `RayPipelineExecutor` is one."""

    def submit(
        self,
        actions: Sequence[ActionClass],
        params: Mapping[str, Any],
        *,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start it and answer the run's id."""

    def wait(self, run_id: str, timeout_seconds: float | None = None, poll_interval: float = ...) -> dict[str, Any]:
        """Wait for its end and answer the result of each action, by its name."""


class ActionPipeline:
    """A chain of actions: run in this process (`execute`), or by an executor that outlives it (`submit`, `wait`).

    Args:
        actions: Their classes, in order.
        validate_schemas: Check each action's input type against the output type of the one before.
        strict: Refuse a pipeline in which a type is not declared.

    Raises:
        SchemaIncompatibleError: Two neighbours do not fit.
    """

    def __init__(self, actions: Sequence[ActionClass], *, validate_schemas: bool = True, strict: bool = False) -> None:
        self.actions = list(actions)
        if validate_schemas:
            for before, after in zip(self.actions, self.actions[1:], strict=False):
                _require_fit(before, after, is_strict=strict)

    def execute(
        self,
        params: Mapping[str, Any],
        ctx: RuntimeContext,
        progress_callback: Callable[[int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Run the actions; each gets the parameters that its model names.

        Returns:
            The result of each action, by its name.

        Raises:
            PluginValidationError: An action lacks a parameter, or one does not fit.
        """
        state = PipelineContext(dict(params))
        for index, action in enumerate(self.actions, 1):
            fields = set(_fields_of(action))
            chosen = {key: value for key, value in state.values.items() if key in fields}
            state.take(name_of_class(action), action.dispatch(chosen, ctx))
            if progress_callback:
                progress_callback(index, len(self.actions))
        return state.results

    def submit(
        self,
        params: Mapping[str, Any],
        executor: PipelineExecutor,
        name: str | None = None,
        resume_from: str | None = None,
    ) -> str:
        """Start the pipeline elsewhere, and answer the run's id without waiting.

        Args:
            params: Parameters of the first action, and of every later one that names them.
            executor: Where it runs, such as a `RayPipelineExecutor`.
            name: Goes into the run's id.
            resume_from: A run of the same actions: what it has completed is not run again.

        Raises:
            PluginRunError: The executor cannot start it.
        """
        return executor.submit(self.actions, params, name=name, resume_from=resume_from)

    def wait(
        self,
        run_id: str,
        executor: PipelineExecutor,
        timeout_seconds: float | None = None,
        poll_interval: float = POLL_SECONDS,
    ) -> dict[str, Any]:
        """Wait for a run that `submit` started, and answer the result of each action, by its name.

        Raises:
            ExecutionError: An action failed, or the pipeline was stopped.
            TimeoutError: It takes longer; it goes on.
        """
        return executor.wait(run_id, timeout_seconds, poll_interval)

    def validate_initial_params(self, params: Mapping[str, Any]) -> list[str]:
        """Required parameters that nobody supplies, as `Action.field`; a modelled result supplies its fields."""
        known, missing = set(params), []
        for action in self.actions:
            fields = _fields_of(action)
            missing += [
                f"{action.__name__}.{name}" for name, info in fields.items() if info.is_required() and name not in known
            ]
            known |= set(getattr(action.result_model, "model_fields", ()))
        return missing


def _fields_of(action: ActionClass) -> dict[str, Any]:
    return action.params_model.model_fields


def _require_fit(before: ActionClass, after: ActionClass, *, is_strict: bool) -> None:
    made, read = before.output_type, after.input_type
    pair = f"{before.__name__} → {after.__name__}"
    if made is None or read is None:
        if is_strict:
            raise SchemaIncompatibleError(f"{pair}: declare output_type and input_type, or do not ask for strict")
        return
    if not issubclass(made, read):
        raise SchemaIncompatibleError(f"{pair}: the first makes {made.__name__}, the second reads {read.__name__}")
