"""Metrics of training frameworks, reported without a line in the plugin."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol


class Reporter(Protocol):
    """What takes the numbers: a training action."""

    def log_metric(self, category: str, key: str, value: float, **metrics: Any) -> None: ...

    def set_progress(
        self, current: int, total: int, category: str | None = None, *, step: str | None = None
    ) -> None: ...


def ultralytics_callbacks(action: Reporter) -> dict[str, Callable[[Any], None]]:
    """Callbacks for `YOLO.add_callback`: progress and metrics of each epoch."""

    def on_fit_epoch_end(trainer: Any) -> None:
        epoch = int(trainer.epoch) + 1
        action.set_progress(epoch, int(trainer.epochs), "train")
        for name, value in dict(trainer.metrics or {}).items():
            action.log_metric("train", str(name), float(value), epoch=epoch)

    return {"on_fit_epoch_end": on_fit_epoch_end}


def patch_ultralytics(action: Reporter) -> None:
    """Let every model that is made from now on report to this action.

    Raises:
        ImportError: Ultralytics is not installed.
    """
    callbacks: Any = import_module("ultralytics.utils.callbacks")
    add_default = callbacks.add_integration_callbacks

    def add(instance: Any) -> None:
        add_default(instance)
        for name, callback in ultralytics_callbacks(action).items():
            instance.callbacks[name].append(callback)

    callbacks.add_integration_callbacks = add
