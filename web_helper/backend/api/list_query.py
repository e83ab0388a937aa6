"""Query strings of lists: made from the listing, so that what is documented is what is honoured, and nothing else."""

import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from fastapi import Query, Request
from pydantic import BaseModel

from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.queries.filters import Filter, Kind, Listing
from web_helper.backend.services.lists import CursorRequest, NumberRequest

MAX_PER_PAGE = 200
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True)
class CursorQuery:
    """A v2 list's query: the page, and the fields to keep of each item (None: all)."""

    request: CursorRequest
    fields: frozenset[str] | None


@dataclass(frozen=True)
class NumberQuery:
    """A v1 list's query."""

    request: NumberRequest
    fields: frozenset[str] | None
    expand: frozenset[str]


def cursor_query(listing: Listing, item: type[BaseModel]) -> Callable[..., Coroutine[Any, Any, CursorQuery]]:
    """The dependency that reads a v2 list's query."""
    names = frozenset(item.model_fields)
    parameters = [
        parameter("per_page", int, Query(50, ge=1, le=MAX_PER_PAGE, description="Items per page.")),
        parameter("cursor", str | None, Query(None, description="From the page before; opaque.")),
        _sort_parameter("sort", listing),
        _fields_parameter(names),
    ]

    async def read_query(request: Request, **values: Any) -> CursorQuery:
        _refuse_unknown(request, listing, parameters)
        page = CursorRequest(
            filters_given(listing.filters, values),
            values["per_page"],
            values["cursor"],
            _is_descending("sort", listing, values),
        )
        return CursorQuery(page, _chosen("fields", values["fields"], names))

    _sign(read_query, listing, parameters)
    return read_query


def order_query(listing: Listing, *more: inspect.Parameter) -> Callable[..., Coroutine[Any, Any, CursorRequest]]:
    """The dependency that reads filters and order, for questions about a list that are no page of it.

    A parameter `page_length` among `more` becomes the length of a page.
    """
    parameters = [_sort_parameter("sort", listing), *more]

    async def read_query(request: Request, **values: Any) -> CursorRequest:
        _refuse_unknown(request, listing, parameters)
        filters = filters_given(listing.filters, values)
        return CursorRequest(filters, values.get("page_length", 1), None, _is_descending("sort", listing, values))

    _sign(read_query, listing, parameters)
    return read_query


def number_query(
    listing: Listing, names: Iterable[str], expandable: Iterable[str] = ()
) -> Callable[..., Coroutine[Any, Any, NumberQuery]]:
    """The dependency that reads a v1 list's query."""
    allowed, parts = frozenset(names), frozenset(expandable)
    parameters = [
        parameter("page", int, Query(1, ge=1, le=2**31, description="Page number, from 1.")),
        parameter("page_size", int, Query(100, ge=1, le=MAX_PAGE_SIZE, description="Items per page.")),
        _sort_parameter("ordering", listing),
        _fields_parameter(allowed),
    ]
    if parts:
        text = f"Parts to add, separated by commas: {', '.join(sorted(parts))}."
        parameters.append(parameter("expand", list[str] | None, Query(None, description=text)))

    async def read_query(request: Request, **values: Any) -> NumberQuery:
        _refuse_unknown(request, listing, parameters)
        page = NumberRequest(
            filters_given(listing.filters, values),
            values["page"],
            values["page_size"],
            _is_descending("ordering", listing, values),
        )
        expand = _chosen("expand", values.get("expand"), parts) or frozenset()
        return NumberQuery(page, _chosen("fields", values["fields"], allowed), expand)

    _sign(read_query, listing, parameters)
    return read_query


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    """One parameter of a query string that is made from a listing."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _sort_parameter(name: str, listing: Listing) -> inspect.Parameter:
    key = listing.sort_name
    return parameter(name, str, Query(f"-{key}", description=f"`{key}` or `-{key}` (descending)."))


def _fields_parameter(names: frozenset[str]) -> inspect.Parameter:
    text = f"Keep only these fields, separated by commas: {', '.join(sorted(names))}."
    return parameter("fields", list[str] | None, Query(None, description=text))


def filter_parameter(name: str, definition: Filter) -> inspect.Parameter:
    """A filter as a parameter of the query string."""
    annotation: Any = list[str] | None
    if definition.kind is Kind.FLAG:
        annotation = bool | None
    elif definition.kind is Kind.TEXT:
        annotation = str | None
    choices = f" One of {', '.join(definition.choices)}." if definition.choices else ""
    return parameter(name, annotation, Query(None, description=definition.description + choices))


def _sign(read_query: Any, listing: Listing, parameters: list[inspect.Parameter]) -> None:
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    filters = [filter_parameter(name, definition) for name, definition in listing.filters.items()]
    read_query.__signature__ = inspect.Signature([request, *parameters, *filters])


def _refuse_unknown(request: Request, listing: Listing, parameters: list[inspect.Parameter]) -> None:
    allowed = {each.name for each in parameters} | set(listing.filters)
    for name in request.query_params:
        if name not in allowed:
            filters, others = (", ".join(sorted(names)) for names in (listing.filters, allowed - set(listing.filters)))
            known = f"filters are {filters}; beside them there are {others}."
            raise ValidationProblem.of_field(name, f"{listing.noun} know no such parameter; {known}")


def filters_given(names: Iterable[str], values: dict[str, Any]) -> dict[str, Any]:
    """The filters that a query string gives, as `select_where` reads them."""
    given = {name: values[name] for name in names if values[name] is not None}
    # One value may be a comma list; several are taken as they are.
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}


def _is_descending(name: str, listing: Listing, values: dict[str, Any]) -> bool:
    key = listing.sort_name
    if values[name] not in {key, f"-{key}"}:
        raise ValidationProblem.of_field(name, f"{listing.noun} are sorted by {key} or -{key} only.")
    return str(values[name]).startswith("-")


def _chosen(parameter: str, values: list[str] | None, allowed: frozenset[str]) -> frozenset[str] | None:
    if values is None:
        return None
    chosen = frozenset(part.strip() for value in values for part in value.split(",") if part.strip())
    for name in chosen - allowed:
        raise ValidationProblem.of_field(parameter, f"{name!r} is not one of {', '.join(sorted(allowed))}.")
    return chosen
