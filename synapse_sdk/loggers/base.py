"""What every logger can do; where the records go is the subclass's affair."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.log_messages import LogMessageCode, resolve_log_message

DEFAULT_STEP = "__default__"


@dataclass
class ProgressData:
    """How far one step is. Times are seconds; the remaining time is a linear guess, None at the start.

    Attributes:
        rate: Items per second since the step began; None at the start.
    """

    percent: float
    time_remaining: float | None = None
    elapsed_time: float | None = None
    status: str = "running"
    rate: float | None = None


@dataclass(frozen=True)
class LogEntry:
    """One event of a run."""

    event: str
    data: Mapping[str, Any]
    timestamp: datetime
    file: str | None = None
    step: str | None = None
    level: LogLevel | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "event": self.event,
            "data": dict(self.data),
            "timestamp": self.timestamp.isoformat(),
            "file": self.file,
            "step": self.step,
            "level": str(self.level) if self.level else None,
        }


@dataclass
class _Timed:
    started: float
    progress: ProgressData


@dataclass
class _Records:
    progress: dict[str, _Timed] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)


class BaseLogger(ABC):
    """Events, progress and metrics of one run.

    Progress and metrics belong to a step: the one named in the call, else the current one (`set_step`), else
    `category`.
    """

    def __init__(self) -> None:
        self._records = _Records()
        self._step: str | None = None
        self._is_finished = False

    def log(
        self, level: LogLevel, event: str, data: Mapping[str, Any], file: str | None = None, *, step: str | None = None
    ) -> None:
        """Record an event.

        Args:
            level: Its weight.
            event: Its name.
            data: Its facts, as JSON.
            file: Path of a file to attach.
            step: The step it belongs to; the current one when None.

        Raises:
            TypeError: `level` is not a LogLevel, or `data` is not a mapping.
            RuntimeError: The logger is finished.
        """
        if not isinstance(level, LogLevel):
            raise TypeError(f"level must be a LogLevel, not {type(level).__name__}")
        if not isinstance(data, Mapping):
            raise TypeError(f"data of event {event!r} must be a mapping, not {type(data).__name__}")
        self._require_open()
        self._write_log(LogEntry(event, data, datetime.now(UTC), file, step or self._step, level))

    def debug(self, message: str) -> None:
        self.log(LogLevel.DEBUG, "debug", {"message": message})

    def info(self, message: str) -> None:
        self.log(LogLevel.INFO, "info", {"message": message})

    def warning(self, message: str) -> None:
        self.log(LogLevel.WARNING, "warning", {"message": message})

    def error(self, message: str) -> None:
        self.log(LogLevel.ERROR, "error", {"message": message})

    def critical(self, message: str) -> None:
        self.log(LogLevel.CRITICAL, "critical", {"message": message})

    def log_event(self, event: str, data: Mapping[str, Any], file: str | None = None) -> None:
        self.log(LogLevel.INFO, event, data, file)

    def log_message(self, message: str | LogMessageCode, context: str = "info", **kwargs: Any) -> None:
        """Show a message to people: a registered code with its values, or plain text with a level of its own."""
        text, level = resolve_log_message(message, **kwargs)
        context = level if isinstance(message, LogMessageCode) else context
        self.log(LogLevel(context), "message", {"context": context, "content": text})

    def log_metric(self, category: str, key: str, value: float, **metrics: Any) -> None:
        self.log(LogLevel.INFO, "metric", {"category": category, "key": key, "value": value, "metrics": metrics})

    def log_visualization(self, category: str, group: str, index: int, *, image: str, **meta: Any) -> None:
        """Record a picture (path of a file) under a category and a group."""
        self.log(LogLevel.INFO, "visualization", {"category": category, "group": group, "index": index, **meta}, image)

    def log_trials(  # One keyword per part of the record.
        self,
        data: Mapping[str, Any] | None = None,
        *,
        trials: Mapping[str, Any] | None = None,
        base: list[str] | None = None,
        hyperparameters: list[str] | None = None,
        metrics: list[str] | None = None,
        best_trial: str = "",
    ) -> None:
        """Record the trials of a hyperparameter search, as one mapping or by its parts.

        Raises:
            ValueError: There are no trials.
        """
        record = dict(data) if data is not None else {"trials": trials, "base": base or [], "best_trial": best_trial}
        if data is None:
            record |= {"hyperparameters": hyperparameters or [], "metrics": metrics or []}
        if record.get("trials") is None:
            raise ValueError("log_trials needs trials: pass trials={...}, or a mapping that has them")
        self.log(LogLevel.INFO, "trials", record)

    def set_step(self, step: str | None) -> None:
        """Name the step that is running; None when none is."""
        self._step = step

    def get_step(self) -> str | None:
        return self._step

    def set_step_proportions(self, proportions: Mapping[str, int]) -> None:  # noqa: B027 - few loggers need it.
        """Say what share of the whole each step is. A logger without an overall figure needs none."""

    def set_progress(self, current: int, total: int, step: str | None = None, *, category: str | None = None) -> None:
        """Report that `current` of `total` items are done; nothing to do (`total` 0) counts as complete.

        Args:
            current: Items done.
            total: Items there are.
            step: What is progressing; the current step when None.
            category: An older word for `step`, used when there is no step.

        Raises:
            ValueError: Not 0 ≤ current ≤ total.
            RuntimeError: The logger is finished.
        """
        if not 0 <= current <= total:
            raise ValueError(f"progress must satisfy 0 <= current <= total, got {current} of {total}")
        self._require_open()
        key = step or self._step or category or DEFAULT_STEP
        now = time.monotonic()
        timed = self._records.progress.get(key)
        if timed is None or current == 0:
            timed = self._records.progress[key] = _Timed(now, ProgressData(0.0))
        timed.progress = _measure(current, total, now - timed.started)
        self._write_progress(key, timed.progress)

    def set_progress_failed(self, category: str | None = None) -> None:
        """Mark a step's progress as failed; its percentage stays."""
        self._require_open()
        key = category or self._step or DEFAULT_STEP
        timed = self._records.progress.setdefault(key, _Timed(time.monotonic(), ProgressData(0.0)))
        timed.progress.status = "failed"
        self._write_progress(key, timed.progress)

    def set_metrics(self, value: Mapping[str, Any], step: str | None = None, *, category: str | None = None) -> None:
        """Merge numbers into a step's metrics.

        Raises:
            TypeError: `value` is not a mapping.
            ValueError: No step is named and none is running.
            RuntimeError: The logger is finished.
        """
        if not isinstance(value, Mapping):
            raise TypeError(f"metrics must be a mapping, not {type(value).__name__}")
        key = step or self._step or category
        if not key:
            raise ValueError("metrics need a step: name one, or call set_step first")
        self._require_open()
        merged = self._records.metrics.setdefault(key, {})
        merged.update(value)
        self._write_metrics(key, dict(merged))

    def get_progress(self, category: str | None = None) -> ProgressData | None:
        timed = self._records.progress.get(category or self._step or DEFAULT_STEP)
        return timed.progress if timed else None

    def get_metrics(self, category: str | None = None) -> dict[str, Any]:
        """Metrics of one step, or of all steps by name."""
        if category is None:
            return {key: dict(value) for key, value in list(self._records.metrics.items())}
        return dict(self._records.metrics.get(category, {}))

    def finish(self) -> None:
        """Hand over everything recorded. Nothing can be logged afterwards; finishing twice is harmless."""
        if not self._is_finished:
            self._is_finished = True
            self._close()

    @abstractmethod
    def _write_log(self, entry: LogEntry) -> None: ...

    @abstractmethod
    def _write_progress(self, step: str, progress: ProgressData) -> None: ...

    @abstractmethod
    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None: ...

    def _close(self) -> None:  # noqa: B027 - only loggers that hold something back have anything to do.
        pass

    def _require_open(self) -> None:
        if self._is_finished:
            raise RuntimeError("This logger is finished; a run logs nothing after finish()")


def _measure(current: int, total: int, elapsed_seconds: float) -> ProgressData:
    percent = round(current / total * 100, 2) if total else 100.0
    remaining = round(elapsed_seconds / current * (total - current), 2) if current else None
    status = "completed" if current == total else "running"
    rate = round(current / elapsed_seconds, 2) if current and elapsed_seconds > 0 else None
    return ProgressData(percent, remaining, round(elapsed_seconds, 2), status, rate)
