"""What learns: models, losses, optimizers, their schedules, solvers."""

from __future__ import annotations

from typing import ClassVar

from cvlabkit.component.base.component import Component, delegated


class Model(Component):
    """Turns a batch into a prediction."""

    operations: ClassVar[tuple[str, ...]] = ("__call__",)

    __call__ = delegated("__call__")


class Loss(Component):
    """How wrong a prediction is."""

    operations: ClassVar[tuple[str, ...]] = ("__call__",)

    __call__ = delegated("__call__")


class Optimizer(Component):
    """Changes parameters along their gradients."""

    operations: ClassVar[tuple[str, ...]] = (
        "step",
        "zero_grad",
    )


class Scheduler(Component):
    """Changes an optimizer over time."""

    operations: ClassVar[tuple[str, ...]] = ("step",)


class Solver(Component):
    """Finds what is best by a way of its own."""

    operations: ClassVar[tuple[str, ...]] = ("solve",)
