"""Words of the family: what progress is reported under, and events in the job's log."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class ToTaskProgressCategories:
    """What a pre-annotation's progress is reported under."""

    ANNOTATE_TASK_DATA: ClassVar[str] = "annotate_task_data"


class ToTaskEvent(StrEnum):
    """Events in the job's log."""

    TASK_FAILED = "add_task_data_task_failed"
    FILE_PROBLEM = "to_task_file_problem"
    DEPLOYMENT_REFUSED = "to_task_deployment_refused"
