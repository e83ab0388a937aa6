"""The steps of a workflow, in order."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from synapse_sdk.plugins.steps.base import BaseStep, BaseStepContext

C = TypeVar("C", bound=BaseStepContext)


class StepRegistry(Generic[C]):
    """An ordered set of steps with unique names."""

    def __init__(self) -> None:
        self._steps: list[BaseStep[C]] = []

    def register(self, step: BaseStep[C]) -> None:
        """Add a step at the end.

        Raises:
            ValueError: Its name is taken, or its weight is not between 0 and 1.
        """
        self._insert(len(self._steps), step)

    def unregister(self, name: str) -> None:
        """Take a step out.

        Raises:
            ValueError: There is no step of that name.
        """
        del self._steps[self._index(name)]

    def insert_before(self, name: str, step: BaseStep[C]) -> None:
        """Add a step right before the one named.

        Raises:
            ValueError: There is no step of that name, or the new step's name is taken.
        """
        self._insert(self._index(name), step)

    def insert_after(self, name: str, step: BaseStep[C]) -> None:
        """Add a step right after the one named.

        Raises:
            ValueError: There is no step of that name, or the new step's name is taken.
        """
        self._insert(self._index(name) + 1, step)

    def get_steps(self) -> list[BaseStep[C]]:
        """The steps, in order; a copy."""
        return list(self._steps)

    @property
    def total_weight(self) -> float:
        return sum(step.progress_weight for step in self._steps)

    def get_step_proportions(self) -> dict[str, int]:
        """Share of the job's overall progress by step; steps without one are left out."""
        return {step.name: step.progress_proportion for step in self._steps if step.progress_proportion > 0}

    def __len__(self) -> int:
        return len(self._steps)

    def _insert(self, index: int, step: BaseStep[Any]) -> None:
        if step.name in self._names():
            raise ValueError(f"There is already a step named {step.name!r}; a workflow's step names are unique")
        if not 0 <= step.progress_weight <= 1:
            raise ValueError(f"progress_weight of step {step.name!r} is {step.progress_weight}; use 0 to 1")
        self._steps.insert(index, step)

    def _index(self, name: str) -> int:
        if name not in self._names():
            raise ValueError(f"There is no step named {name!r}; there are: {', '.join(self._names()) or 'none'}")
        return self._names().index(name)

    def _names(self) -> list[str]:
        return [step.name for step in self._steps]
