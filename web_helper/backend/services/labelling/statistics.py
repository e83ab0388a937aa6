"""Statistics of a project: counted by the database, kept until the project changes, counted at most every half minute.

Counting 100,000 tasks with half a million annotations takes seconds, so only one project is counted at a time and
what was counted is shown meanwhile. Each process has its own memory of it.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from synapse_sdk.wire.labelling import ClassCount, ProjectStatistics, SizeCount
from web_helper.backend.models import Role, WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.labelling import statistics as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.projects import find_project

# Sides of boxes in pixels; 32 and 96 part small, medium and large objects in COCO.
SIDES = (16, 32, 64, 96, 192, 384, 768)
MAX_CLASSES = 200
FRESH_FOR = timedelta(seconds=30)
MAX_KEPT_PROJECTS = 100


@dataclass(frozen=True)
class _Counted:
    mark: int
    statistics: ProjectStatistics


class StatisticsMemory:
    """What was counted, by project."""

    def __init__(self) -> None:
        self._counted: OrderedDict[int, _Counted] = OrderedDict()
        self._counting = threading.Lock()

    def read(self, call: Call, project_id: int) -> ProjectStatistics:
        """The statistics of a project that the caller may see."""
        find_project(call, project_id, Role.VIEWER)
        mark = queries.newest_mark(call.session, project_id)
        with self._counting:
            known = self._counted.get(project_id)
            if known is None or (known.mark != mark and utc_now() - known.statistics.counted > FRESH_FOR):
                known = self._counted[project_id] = _Counted(mark, count(call, project_id))
                while len(self._counted) > MAX_KEPT_PROJECTS:
                    self._counted.popitem(last=False)
            return known.statistics


def count(call: Call, project_id: int) -> ProjectStatistics:
    """Count a project."""
    tasks = queries.task_counts(call.session, project_id)
    found = queries.annotation_counts(call.session, project_id, SIDES)
    statuses = Counter(dict.fromkeys(WorkStatus, 0))
    for status, is_discarded, number in tasks:
        if not is_discarded:
            statuses[WorkStatus(status)] += number
    per_class: Counter[str] = Counter()
    for category, _, number in found:
        per_class[category] += number
    classes = sorted(per_class.items(), key=lambda item: (-item[1], item[0]))[:MAX_CLASSES]
    shown = {category for category, _ in classes}
    return ProjectStatistics(
        tasks=statuses.total(),
        discarded=sum(number for _, is_discarded, number in tasks if is_discarded),
        statuses=dict(statuses),
        annotations=per_class.total(),
        classes=[ClassCount(category=category, annotations=number) for category, number in classes],
        sizes=_sizes([row for row in found if row[0] in shown]),
        counted=utc_now(),
    )


def _sizes(found: Sequence[tuple[str, int | None, int]]) -> list[SizeCount]:
    starts, ends = (0, *SIDES), (*SIDES, None)
    return [
        SizeCount(category=category, from_pixels=starts[number], up_to=ends[number], annotations=annotations)
        for category, number, annotations in sorted(found, key=lambda row: (row[0], row[1] or 0))
        if number is not None
    ]
