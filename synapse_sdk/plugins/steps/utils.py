"""Steps that wrap or check: log a step, time it, or validate the context between steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from synapse_sdk.plugins.steps.base import BaseStep, BaseStepContext, StepResult

C = TypeVar("C", bound=BaseStepContext)


class _WrappingStep(BaseStep[C]):
    """Stands in for another step: same weight, same skip, same rollback."""

    prefix = ""

    def __init__(self, step: BaseStep[C]) -> None:
        self._step = step

    @property
    def name(self) -> str:
        return f"{self.prefix}_{self._step.name}"

    @property
    def progress_weight(self) -> float:
        return self._step.progress_weight

    @property
    def progress_proportion(self) -> int:
        return self._step.progress_proportion

    def can_skip(self, context: C) -> bool:
        return self._step.can_skip(context)

    def rollback(self, context: C, result: StepResult) -> None:
        self._step.rollback(context, result)


class LoggingStep(_WrappingStep[C]):
    """Logs when a step starts, ends and is rolled back."""

    prefix = "logged"

    def execute(self, context: C) -> StepResult:
        started = time.monotonic()
        context.log("step_start", {"step": self._step.name})
        result = self._step.execute(context)
        facts = {"elapsed": time.monotonic() - started, "success": result.success, "skipped": result.skipped}
        context.log("step_end", {"step": self._step.name, **facts})
        return result

    def rollback(self, context: C, result: StepResult) -> None:
        context.log("step_rollback", {"step": self._step.name})
        super().rollback(context, result)


class TimingStep(_WrappingStep[C]):
    """Adds `duration_seconds` to a step's output."""

    prefix = "timed"

    def execute(self, context: C) -> StepResult:
        started = time.monotonic()
        result = self._step.execute(context)
        result.data["duration_seconds"] = time.monotonic() - started
        return result


class ValidationStep(BaseStep[C]):
    """Fails the workflow when the context is not as it should be.

    Args:
        validator: Answers `(is_valid, error)`.
        name: The step's name.
        progress_weight: The step's weight.
    """

    def __init__(
        self,
        validator: Callable[[C], tuple[bool, str | None]],
        name: str = "validation",
        progress_weight: float = 0.05,
    ) -> None:
        self._validator = validator
        self._name = name
        self._progress_weight = progress_weight

    @property
    def name(self) -> str:
        return self._name

    @property
    def progress_weight(self) -> float:
        return self._progress_weight

    def execute(self, context: C) -> StepResult:
        is_valid, error = self._validator(context)
        return StepResult(success=is_valid, error=None if is_valid else error or "validation failed")
