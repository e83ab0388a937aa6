"""Words of the export family: what became of a file, and what progress is reported under."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class ExportStatus(StrEnum):
    """What became of one file of an export."""

    SUCCESS = "success"
    FAILED = "failed"
    STAND_BY = "stand_by"


class ExportProgressCategories:
    """What an export's progress is reported under."""

    FETCH: ClassVar[str] = "fetch"
    SERVER_EXPORT: ClassVar[str] = "server_export"
    DATASET_CONVERSION: ClassVar[str] = "dataset_conversion"
    ORIGINAL_FILE: ClassVar[str] = "original_file"
    DATA_FILE: ClassVar[str] = "data_file"


class ExportEvent(StrEnum):
    """Events in the job's log."""

    INFO = "export_info"
    COMPLETED = "export_completed"
    FAILED = "export_failed"
    ORIGINAL_FILE = "export_original_file"
    DATA_FILE = "export_data_file"
    NULL_DATA = "NULL_DATA_DETECTED"
