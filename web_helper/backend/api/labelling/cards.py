"""The task grid: cards by pages, where pages start, a task's neighbours, statistics of a project."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response

from synapse_sdk.wire.labelling import ProjectStatistics, TaskCard, TaskNeighbours, TaskPages
from synapse_sdk.wire.pages import Envelope, Page
from web_helper.backend.api.context import Reading
from web_helper.backend.api.labelling.thumbnails import thumbnail_path
from web_helper.backend.api.list_query import MAX_PER_PAGE, CursorQuery, cursor_query, order_query, parameter
from web_helper.backend.api.resource import create_router, envelope
from web_helper.backend.api.work.row_resource import json_answer
from web_helper.backend.queries.export_rows import UnitFile, encode
from web_helper.backend.queries.work.tasks import TASKS
from web_helper.backend.services.labelling import cards as service
from web_helper.backend.services.labelling.statistics import StatisticsMemory
from web_helper.backend.services.lists import CursorRequest

CARD_SIZE = 384

router = create_router("task_cards")
_query: Callable[..., Coroutine[Any, Any, CursorQuery]] = cursor_query(TASKS, TaskCard)
CardQuery = Annotated[CursorQuery, Depends(_query)]
_order: Callable[..., Coroutine[Any, Any, CursorRequest]] = order_query(TASKS)
_page_length = parameter("page_length", int, Query(50, ge=1, le=MAX_PER_PAGE, description="Items per page."))
_paged: Callable[..., Coroutine[Any, Any, CursorRequest]] = order_query(TASKS, _page_length)


def _thumbnail_of(file: UnitFile) -> str:
    return thumbnail_path(file.data_file_id, CARD_SIZE)


@router.get("/v2/task-cards/", response_model=Page[TaskCard], operation_id="v2_task_cards_list")
def list_cards(call: Reading, query: CardQuery) -> Response:
    """Tasks as a grid shows them: thumbnail, outlines, tags and review. An unknown parameter is refused."""
    page = service.read_cards(call, query.request, _thumbnail_of)
    cards = page.cards
    if query.fields is not None:
        cards = [{name: card[name] for name in card if name in query.fields} for card in cards]
    pagination = {
        "next_cursor": page.next_cursor,
        "previous_cursor": page.previous_cursor,
        "per_page": query.request.per_page,
    }
    meta = {"request_id": call.request_id, "pagination": pagination}
    return json_answer(encode({"data": cards, "meta": meta}))


@router.get("/v2/task-cards/pages/", operation_id="v2_task_cards_pages")
def list_pages(call: Reading, order: Annotated[CursorRequest, Depends(_paged)]) -> Envelope[TaskPages]:
    """How many tasks a list of cards has, and the cursor of each of its pages of `page_length`."""
    count, cursors = service.read_pages(call, order)
    pages = TaskPages(count=count, page_length=order.per_page, cursors=cursors)
    return Envelope[TaskPages].model_validate(envelope(call, pages))


@router.get("/v2/task-cards/{item_id}/neighbours/", operation_id="v2_task_cards_neighbours")
def read_neighbours(
    call: Reading, item_id: int, order: Annotated[CursorRequest, Depends(_order)]
) -> Envelope[TaskNeighbours]:
    """The tasks before and after one in a list of cards, which the task itself may have left."""
    previous_id, next_id = service.read_neighbours(call, item_id, order)
    neighbours = TaskNeighbours(previous_id=previous_id, next_id=next_id)
    return Envelope[TaskNeighbours].model_validate(envelope(call, neighbours))


@router.get("/v2/projects/{item_id}/statistics/", operation_id="v2_projects_statistics")
def read_statistics(request: Request, call: Reading, item_id: int) -> Envelope[ProjectStatistics]:
    """Tasks by status, and annotations by class and size; at most half a minute old."""
    memory: StatisticsMemory = request.app.state.statistics
    return Envelope[ProjectStatistics].model_validate(envelope(call, memory.read(call, item_id)))
