"""What is written down: metrics, checkpoints, logs."""

from __future__ import annotations

from typing import ClassVar

from cvlabkit.component.base.component import Component


class Metric(Component):
    """Collects predictions and says how good they are."""

    operations: ClassVar[tuple[str, ...]] = (
        "update",
        "compute",
        "reset",
    )


class Checkpoint(Component):
    """Keeps a state, and brings it back."""

    operations: ClassVar[tuple[str, ...]] = (
        "save",
        "load",
    )


class Logger(Component):
    """Takes the numbers of a run."""

    operations: ClassVar[tuple[str, ...]] = ("log",)
