"""Runs a workflow's steps in order, reports their progress, and undoes them when one fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, NoReturn, TypeVar

from synapse_sdk.plugins.steps.base import BaseStep, BaseStepContext, StepResult
from synapse_sdk.plugins.steps.registry import StepRegistry

C = TypeVar("C", bound=BaseStepContext)
ProgressCallback = Callable[[int, int], None]


class Orchestrator(Generic[C]):
    """Runs the steps of a registry on a context.

    A step that can be skipped is reported as complete. When a step fails, all that ran are rolled back in reverse, the
    failed one first; so they are when the run is interrupted.

    Args:
        registry: The steps.
        context: What they share.
        progress_callback: Called with `(percent, 100)` after each step.
    """

    def __init__(
        self, registry: StepRegistry[C], context: C, progress_callback: ProgressCallback | None = None
    ) -> None:
        self._steps = registry.get_steps()
        self._total_weight = registry.total_weight
        self._proportions = registry.get_step_proportions()
        self._context = context
        self._callback = progress_callback
        self._ran: list[tuple[BaseStep[C], StepResult]] = []

    def execute(self) -> dict[str, Any]:
        """Run all steps.

        Returns:
            `{success, steps_executed, steps_total}`; skipped steps are not counted as executed.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
        """
        with suppress(RuntimeError):  # The action has reported progress of its own before its steps.
            self._context.runtime_ctx.logger.set_step_proportions(self._proportions)
        try:
            for index, step in enumerate(self._steps):
                self._context._set_current_step(step.name)  # noqa: SLF001 - the orchestrator is its other half.
                self._run_step(step)
                self._report_done(index, step)
        except BaseException:  # An interrupt leaves as much behind as a failure does.
            self._roll_back()
            raise
        finally:
            self._context._set_current_step(None)  # noqa: SLF001
        return {"success": True, "steps_executed": len(self._ran), "steps_total": len(self._steps)}

    def _run_step(self, step: BaseStep[C]) -> None:
        try:
            if step.can_skip(self._context):
                self._context.step_results.append(StepResult(skipped=True))
                return
            # Entered before it runs: an interrupted step is rolled back too.
            self._ran.append((step, StepResult(success=False, error="interrupted")))
            result = step.execute(self._context)
        except Exception as exc:  # noqa: BLE001 - whatever a step raises fails the step.
            self._fail(step, StepResult(success=False, error=str(exc) or type(exc).__name__), exc)
        if not isinstance(result, StepResult):
            kind = type(result).__name__
            self._fail(step, StepResult(success=False, error=f"execute() returned {kind} instead of a StepResult"))
        if not result.success:
            self._fail(step, result)
        self._ran[-1] = (step, result)
        self._context.step_results.append(result)

    def _fail(self, step: BaseStep[C], result: StepResult, cause: Exception | None = None) -> NoReturn:
        if self._ran and self._ran[-1][0] is step:
            self._ran[-1] = (step, result)
        self._context.step_results.append(result)
        self._context.runtime_ctx.logger.set_progress_failed(step.name)
        raise RuntimeError(f"Step '{step.name}' failed: {result.error or 'no reason given'}") from cause

    def _report_done(self, index: int, step: BaseStep[C]) -> None:
        self._context.runtime_ctx.logger.set_progress(1, 1, step.name)
        if self._callback is None:
            return
        done = sum(other.progress_weight for other in self._steps[: index + 1])
        share = done / self._total_weight if self._total_weight else (index + 1) / len(self._steps)
        # Rounded first: 0.1 + 0.2 + … may end just below a whole percent.
        self._callback(min(int(round(share * 100, 6)), 100), 100)

    def _roll_back(self) -> None:
        for step, result in reversed(self._ran):
            try:
                step.rollback(self._context, result)
            except Exception as exc:  # noqa: BLE001 - the other steps must still be undone.
                self._context.errors.append(f"Rollback of step '{step.name}' failed: {exc or type(exc).__name__}")
                self._context.runtime_ctx.logger.warning(self._context.errors[-1])
