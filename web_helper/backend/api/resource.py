"""One resource, twice: v1 at `/data_units/`, v2 at `/v2/data-units/`, over the same service functions.

v1 answers bare objects and numbered pages, v2 envelopes and cursor pages. What a resource offers is what its module
calls here; anything beyond list, read, create, change and delete is an ordinary handler on `router`.
"""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from synapse_sdk.wire.pages import Envelope, NumberedPage, Page
from web_helper.backend.api.context import Reading, Writing, WritingActor, begin_call, database_of
from web_helper.backend.api.errors import ERROR_RESPONSES
from web_helper.backend.api.list_query import CursorQuery, NumberQuery, cursor_query, number_query
from web_helper.backend.api.strict_json import StrictRoute
from web_helper.backend.core.database import YIELD_SECONDS
from web_helper.backend.queries.filters import Listing
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.lists import read_counted_page, read_cursor_page, read_row

Shape = Callable[[Any], Any]

_DESCRIPTIONS = {
    "read": "One of the {thing} by its id. What the caller may not see answers as if it were not there.",
    "create": "Add to the {thing}; the answer is what was made.",
    "change": "Change the fields that are sent of one of the {thing}; the others stay.",
    "delete": "Delete one of the {thing}; 409 when something that must stay depends on it.",
    "list_v1": "The {thing} that the caller may see, by numbered pages. An unknown parameter is refused.",
    "list_v2": "The {thing} that the caller may see, by cursor pages. An unknown parameter is refused.",
}


def create_router(tag: str) -> APIRouter:
    """A router whose routes declare the error body and read JSON strictly."""
    return APIRouter(tags=[tag], responses=ERROR_RESPONSES, route_class=StrictRoute)


def envelope(call: Call, data: Any) -> dict[str, Any]:
    """A v2 answer about one thing."""
    return {"data": data, "meta": {"request_id": call.request_id}}


def page_links(request: Request, query: NumberQuery, count: int) -> dict[str, Any]:
    """Count and neighbours of a v1 page."""
    page, size = query.request.page, query.request.page_size
    has_next = page * size < count
    return {
        "count": count,
        "next": str(request.url.include_query_params(page=page + 1)) if has_next else None,
        "previous": str(request.url.include_query_params(page=page - 1)) if page > 1 else None,
    }


class Resource:
    """Registers the usual routes of one resource in both versions.

    Args:
        noun: Plural with underscores: the v1 path; v2 writes dashes.
        listing: What its lists select.
        summary: Model of list items.
        detail: Model of a single one; the summary when it holds everything.
        shape: From a row to what the detail's fields are read from; rows are read as they are when absent.
        present: The same for lists too, where the answer depends on the call, as signed links do.
        has_v1: False when v1 shows this resource in a shape of its own.
        has_v2: False for that shape.
    """

    def __init__(
        self,
        noun: str,
        listing: Listing,
        summary: type[BaseModel],
        *,
        detail: type[BaseModel] | None = None,
        shape: Shape | None = None,
        present: Callable[[Call, Any], Any] | None = None,
        has_v1: bool = True,
        has_v2: bool = True,
        id_type: type = int,
    ) -> None:
        self.noun = noun
        self.listing = listing
        self.summary = summary
        self.detail = detail or summary
        self.shape: Shape = shape or (lambda row: row)
        self.present = present
        self.id_type = id_type
        self.router = create_router(noun)
        self.paths: dict[str, str] = {"v2": f"/v2/{noun.replace('_', '-')}/"} if has_v2 else {}
        if has_v1:
            self.paths["v1"] = f"/{noun}/"

    def listed(self) -> None:
        """Add the list."""
        if "v1" in self.paths:
            self._list_v1()
        if "v2" in self.paths:
            self._list_v2()

    def read(self, service: Callable[[Call, Any], Any] | None = None) -> None:
        """Add reading one by id; by default, the row that the caller may see."""

        def find(call: Call, item_id: Any) -> Any:
            return service(call, item_id) if service else read_row(call, self.listing, item_id)

        for version in self.paths:
            self._add(version, "GET", "{item_id}/", self._reader(version, find))

    def created(self, service: Callable[[Call, Any], Any], body: type[BaseModel], *, only: str | None = None) -> None:
        """Add creating one, in both versions or in one."""
        for version in [only] if only else self.paths:
            self._add(version, "POST", "", self._creator(version, service, body), status=HTTPStatus.CREATED)

    def changed(self, service: Callable[[Call, Any, Any], Any], body: type[BaseModel]) -> None:
        """Add changing one: only the fields that were sent."""
        for version in self.paths:
            self._add(version, "PATCH", "{item_id}/", self._changer(version, service, body))

    def deleted(self, service: Callable[[Call, Any], None]) -> None:
        """Add deleting one."""

        def delete(call: Writing, item_id: Any) -> Response:
            service(call, item_id)
            return Response(status_code=HTTPStatus.NO_CONTENT)

        delete.__annotations__["item_id"] = self.id_type
        for version in self.paths:
            self._add(version, "DELETE", "{item_id}/", delete, status=HTTPStatus.NO_CONTENT)

    def deleted_in_steps(self, service: Callable[[Call, Any], bool]) -> None:
        """Add deleting one that may hold millions of rows, in many short transactions; asked again, it goes on.

        Args:
            service: Deletes a part; answers whether that was the last.
        """

        def delete(request: Request, actor: WritingActor, item_id: Any) -> Response:
            while not step(request, actor, item_id):
                time.sleep(YIELD_SECONDS)
            return Response(status_code=HTTPStatus.NO_CONTENT)

        def step(request: Request, actor: Actor, item_id: Any) -> bool:
            with begin_call(request, actor, database_of(request).write()) as call:
                return service(call, item_id)

        delete.__annotations__["item_id"] = self.id_type
        for version in self.paths:
            self._add(version, "DELETE", "{item_id}/", delete, status=HTTPStatus.NO_CONTENT)

    def _reader(self, version: str, find: Callable[[Call, Any], Any]) -> Callable[..., Any]:
        def read(call: Reading, item_id: Any) -> Any:
            return self._answer(version, call, find(call, item_id))

        read.__annotations__["item_id"] = self.id_type
        return read

    def _creator(self, version: str, service: Callable[[Call, Any], Any], model: type[BaseModel]) -> Callable[..., Any]:
        def create(call: Writing, body: Any) -> Any:
            return self._answer(version, call, service(call, body))

        create.__annotations__["body"] = model
        return create

    def _changer(
        self, version: str, service: Callable[[Call, Any, Any], Any], model: type[BaseModel]
    ) -> Callable[..., Any]:
        def change(call: Writing, item_id: Any, body: Any) -> Any:
            return self._answer(version, call, service(call, item_id, body))

        change.__annotations__.update(body=model, item_id=self.id_type)
        return change

    def _answer(self, version: str, call: Call, row: Any) -> Any:
        shaped = self.present(call, row) if self.present else self.shape(row)
        return envelope(call, shaped) if version == "v2" else shaped

    def _items(self, call: Call, rows: list[Any]) -> list[Any]:
        return [self.present(call, row) for row in rows] if self.present else rows

    def _add(
        self, version: str, method: str, path: str, handler: Callable[..., Any], *, status: int = HTTPStatus.OK
    ) -> None:
        model = None if status == HTTPStatus.NO_CONTENT else self._model_of(version)
        self._route(version, method, path, handler, model=model, status=status)

    def _route(
        self,
        version: str,
        method: str,
        path: str,
        handler: Callable[..., Any],
        *,
        model: Any,
        status: int = HTTPStatus.OK,
    ) -> None:
        self.router.add_api_route(
            self.paths[version] + path,
            handler,
            methods=[method],
            status_code=status,
            response_model=model,
            operation_id=f"{version}_{self.noun}_{handler.__name__}",
            summary=self._summary(handler.__name__),
            description=self._description(handler.__name__),
        )

    def _summary(self, verb: str) -> str:
        return f"{verb.replace('_', ' ').capitalize()}: {self.noun.replace('_', ' ')}"

    def _description(self, what: str) -> str | None:
        """What a usual route does; any other handler has a docstring."""
        text = _DESCRIPTIONS.get(what)
        return text.format(thing=self.noun.replace("_", " ")) if text else None

    def _model_of(self, version: str) -> Any:
        envelope_of: Any = Envelope
        return envelope_of[self.detail] if version == "v2" else self.detail

    def _list_v1(self) -> None:
        query_of = number_query(self.listing, self.summary.model_fields)
        page_of: Any = NumberedPage
        model = page_of[self.summary]

        def list_items(call: Reading, request: Request, query: Annotated[NumberQuery, Depends(query_of)]) -> Any:
            page = read_counted_page(call, self.listing, query.request)
            answer = {**page_links(request, query, page.count), "results": self._items(call, page.rows)}
            return _pruned(model, answer, "results", query.fields)

        self._add_list("v1", list_items, model)

    def _list_v2(self) -> None:
        query_of = cursor_query(self.listing, self.summary)
        page_of: Any = Page
        model = page_of[self.summary]

        def list_items(call: Reading, query: Annotated[CursorQuery, Depends(query_of)]) -> Any:
            page = read_cursor_page(call, self.listing, query.request)
            pagination = {
                "next_cursor": page.next_cursor,
                "previous_cursor": page.previous_cursor,
                "per_page": query.request.per_page,
            }
            meta = {"request_id": call.request_id, "pagination": pagination}
            return _pruned(model, {"data": self._items(call, page.rows), "meta": meta}, "data", query.fields)

        self._add_list("v2", list_items, model)

    def _add_list(self, version: str, handler: Callable[..., Any], model: Any) -> None:
        self.router.add_api_route(
            self.paths[version],
            handler,
            methods=["GET"],
            response_model=model,
            operation_id=f"{version}_{self.noun}_list",
            summary=self._summary("list"),
            description=self._description(f"list_{version}"),
        )


def _pruned(model: Any, answer: Mapping[str, Any], items: str, fields: frozenset[str] | None) -> Any:
    if fields is None:
        return answer
    page = model.model_validate(answer, from_attributes=True)
    include: dict[str, Any] = dict.fromkeys(answer, True)
    include[items] = {"__all__": set(fields)}
    return JSONResponse(page.model_dump(mode="json", include=include))
