"""The `run` of an exporter: logging and progress under the names that exporters have always used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from synapse_sdk.loggers import BaseLogger
from synapse_sdk.plugins.actions.export import models
from synapse_sdk.plugins.actions.export.enums import ExportEvent, ExportStatus
from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.log_messages import CommonLogMessageCode, LogMessageCode


class ExporterRunAdapter:
    """Reports an exporter's work to a logger, which sends it on in batches.

    Args:
        logger: The run's logger.
    """

    MetricsRecord: ClassVar[type[models.MetricsRecord]] = models.MetricsRecord

    def __init__(self, logger: BaseLogger) -> None:
        self._logger = logger

    def log_message(self, message: str | LogMessageCode, context: str = "info", **kwargs: Any) -> None:
        """Show a message to people: plain text, or a registered code with its values."""
        self._logger.log_message(message, context, **kwargs)

    def log_export_event(self, event_code: str, item_id: Any, **facts: Any) -> None:
        """Record that something happened to an item."""
        self._logger.log(LogLevel.WARNING, str(event_code), {"target_id": item_id, **facts})

    def log_dev_event(self, message: str, data: Mapping[str, Any] | None = None, level: LogLevel | None = None) -> None:
        """Record something for the plugin's developer only."""
        self._logger.log(level or LogLevel.DEBUG, "dev_event", {"message": message, "data": dict(data or {})})

    def set_progress(self, current: int, total: int, category: str = "default", *, step: str | None = None) -> None:
        """Report that `current` of `total` items are done."""
        self._logger.set_progress(current, total, step or category)

    def log_metrics(self, record: models.MetricsRecord, category: str) -> None:
        """Report the counts of a kind of file."""
        self._logger.set_metrics(record.to_dict(), category)

    def export_log_original_file(
        self, item_id: Any, file_info: Mapping[str, Any], status: ExportStatus, error: str = ""
    ) -> None:
        """Record what became of an item's original file."""
        self._log_file(
            ExportEvent.ORIGINAL_FILE, {"target_id": item_id, "original_file_info": file_info}, status, error
        )

    def export_log_data_file(
        self, item_id: Any, file_info: Mapping[str, Any], status: ExportStatus, error: str = ""
    ) -> None:
        """Record what became of an item's data file."""
        self._log_file(ExportEvent.DATA_FILE, {"target_id": item_id, "data_file_info": file_info}, status, error)

    def end_log(self) -> None:
        """Tell people that the run is complete."""
        self._logger.log_message(CommonLogMessageCode.PLUGIN_RUN_COMPLETE)

    def _log_file(self, event: ExportEvent, facts: dict[str, Any], status: ExportStatus, error: str) -> None:
        record = {
            name: msgspec.json.encode(value).decode() if name.endswith("_info") else value
            for name, value in facts.items()
        }
        record |= {"status": str(status), "error": error, "created": datetime.now(UTC).isoformat()}
        level = LogLevel.WARNING if status is ExportStatus.FAILED else LogLevel.INFO
        self._logger.log(level, str(event), record)
