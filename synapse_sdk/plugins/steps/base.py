"""A step of a workflow, what it answers, and the state that steps share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.plugins.log_messages import LogMessageCode

if TYPE_CHECKING:
    from synapse_sdk.clients.backend import BackendClient


@dataclass
class StepResult:
    """What a step did.

    Attributes:
        success: False fails the workflow and rolls it back.
        data: Output, for later steps.
        error: Why it failed.
        rollback_data: What `rollback` needs to undo it.
        skipped: The step had nothing to do.
        timestamp: When it ended.
    """

    success: bool = True
    data: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    rollback_data: dict[str, Any] = field(default_factory=dict)
    skipped: bool = False
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class BaseStepContext:
    """State that the steps of one run share; each action family adds its own fields.

    Attributes:
        runtime_ctx: Logger, clients and settings of the run.
        step_results: Results so far, in order.
        errors: Problems that did not stop the run.
        current_step: Name of the running step.
    """

    runtime_ctx: RuntimeContext
    step_results: list[StepResult] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    current_step: str | None = field(default=None, init=False)

    @property
    def client(self) -> BackendClient:
        """Backend client from runtime context.

        Raises:
            RuntimeError: There is none.
        """
        if self.runtime_ctx.client is None:
            raise RuntimeError("No client in runtime context: log in, or pass a client to the RuntimeContext")
        return self.runtime_ctx.client

    def log(self, event: str, data: Mapping[str, Any], file: str | None = None) -> None:
        self.runtime_ctx.log(event, data, file)

    def set_progress(self, current: int, total: int, category: str | None = None, *, step: str | None = None) -> None:
        """Report progress, of the current step unless one is named."""
        self.runtime_ctx.set_progress(current, total, step=step or category or self.current_step)

    def set_metrics(self, value: Mapping[str, Any], category: str | None = None, *, step: str | None = None) -> None:
        """Record metrics, of the current step unless one is named."""
        self.runtime_ctx.set_metrics(value, step=step or category or self.current_step)

    def log_message(self, message: str | LogMessageCode, context: str = "info", **kwargs: Any) -> None:
        self.runtime_ctx.log_message(message, context, **kwargs)

    def _set_current_step(self, name: str | None) -> None:
        self.current_step = name
        self.runtime_ctx.logger.set_step(name)


C = TypeVar("C", bound=BaseStepContext)


class BaseStep(ABC, Generic[C]):
    """One part of a workflow: does its work on the shared context, and can undo it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name, unique in its workflow; progress and errors are reported under it."""

    @property
    @abstractmethod
    def progress_weight(self) -> float:
        """Share of the workflow's work, from 0 to 1."""

    @property
    def progress_proportion(self) -> int:
        """Share of the job's overall progress, in percent; 0 leaves the step out."""
        return round(self.progress_weight * 100)

    @abstractmethod
    def execute(self, context: C) -> StepResult:
        """Do the work. An exception counts as failure."""

    def can_skip(self, context: C) -> bool:  # noqa: ARG002 - for subclasses.
        """Whether there is nothing to do."""
        return False

    def rollback(self, context: C, result: StepResult) -> None:
        """Undo what `execute` did. Also called on the step that failed: it must stand a half-done state."""


class NamedStep(BaseStep[C]):
    """A step whose name and weight are constants of its class.

    Attributes:
        step_name: Its name.
        weight: Its share of the work, from 0 to 1.
    """

    step_name: ClassVar[str]
    weight: ClassVar[float]

    @property
    def name(self) -> str:
        return self.step_name

    @property
    def progress_weight(self) -> float:
        return self.weight
