"""What the nine steps have in common, and the one question that decides which of them work."""

from __future__ import annotations

from typing import ClassVar

from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.steps import BaseStep


class ExportStep(BaseStep[ExportContext]):
    """A step with a fixed name and weight.

    Attributes:
        step_name: Its name.
        weight: Its share of the work.
    """

    step_name: ClassVar[str]
    weight: ClassVar[float]

    @property
    def name(self) -> str:
        return self.step_name

    @property
    def progress_weight(self) -> float:
        return self.weight


def is_delegated(context: ExportContext) -> bool:
    """Whether the server gathers the data of this export."""
    return context.delegation_decision is not None and context.delegation_decision.is_delegated
