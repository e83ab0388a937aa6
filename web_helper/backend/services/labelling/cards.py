"""Cards of the task grid: one page in a fixed number of statements, where pages start, and a task's neighbours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from web_helper.backend.models import Task
from web_helper.backend.queries import export_rows
from web_helper.backend.queries.export_rows import Row, UnitFile
from web_helper.backend.queries.filters import Selection
from web_helper.backend.queries.labelling import cards as queries
from web_helper.backend.queries.work.tasks import TASKS
from web_helper.backend.services.call import Call
from web_helper.backend.services.labelling.outlines import outlines_of
from web_helper.backend.services.lists import CursorRequest, cursor_after, read_cursor_page, select_visible

_COLUMNS = (Task.project_id, Task.status, Task.is_discarded)

ThumbnailOf = Callable[[UnitFile], str]


@dataclass(frozen=True)
class CardPage:
    """Cards in the order that was asked for, and the cursors of the neighbouring pages."""

    cards: list[dict[str, Any]]
    next_cursor: str | None
    previous_cursor: str | None


def read_cards(call: Call, request: CursorRequest, thumbnail_of: ThumbnailOf) -> CardPage:
    """One page of cards, as `wire.labelling.TaskCard`."""
    page = read_cursor_page(call, TASKS, request)
    cards = _cards(call, [task.id for task in page.rows], thumbnail_of)
    return CardPage(cards, page.next_cursor, page.previous_cursor)


def read_pages(call: Call, request: CursorRequest) -> tuple[int, list[str | None]]:
    """How many tasks are selected, and the cursor of each page."""
    selection = select_visible(call, TASKS, request.filters)
    count, ends = queries.page_ends(
        call.session, selection, per_page=request.per_page, descending=request.is_descending
    )
    starts = ends[:-1] if ends and len(ends) * request.per_page == count else ends
    return count, [None, *(cursor_after([end], is_descending=request.is_descending) for end in starts)]


def read_neighbours(call: Call, task_id: int, request: CursorRequest) -> tuple[int | None, int | None]:
    """The tasks before and after one; the task itself need not be selected any more."""
    selection = select_visible(call, TASKS, request.filters)

    def beside(*, descending: bool) -> int | None:
        return queries.next_task_id(call.session, selection, task_id, descending=descending)

    return beside(descending=not request.is_descending), beside(descending=request.is_descending)


def _cards(call: Call, ids: Sequence[int], thumbnail_of: ThumbnailOf) -> list[dict[str, Any]]:
    if not ids:
        return []
    bare = Selection(TASKS, (), TASKS.keys)
    rows = export_rows.rows_of_ids(call.session, export_rows.TASK_ROWS, bare, ids, extra=_COLUMNS)
    reviews = queries.review_states(call.session, ids)
    pre_annotated = queries.pre_annotated(call.session, ids)
    by_id = {row.id: row for row in rows}
    return [
        _card(by_id[task_id], thumbnail_of)
        | {"review": reviews.get(task_id), "is_pre_annotated": task_id in pre_annotated}
        for task_id in ids
        if task_id in by_id
    ]


def _card(row: Row, thumbnail_of: ThumbnailOf) -> dict[str, Any]:
    project_id, status, is_discarded = row.extra
    count, outlines = outlines_of(row.text)
    picture = queries.primary_file(row)
    return {
        "id": row.id,
        "project_id": project_id,
        "name": row.unit.name,
        "status": status,
        "is_discarded": is_discarded,
        "width": row.unit.width,
        "height": row.unit.height,
        "thumbnail": thumbnail_of(picture) if picture else None,
        "tags": row.tags,
        "annotation_count": count,
        "outlines": outlines,
    }
