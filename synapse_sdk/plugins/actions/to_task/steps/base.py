"""What the steps of a pre-annotation have in common."""

from __future__ import annotations

from typing import ClassVar

from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.steps import BaseStep


class ToTaskStep(BaseStep[ToTaskContext]):
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
