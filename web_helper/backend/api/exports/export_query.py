"""The query string of an export stream: the target, the token, and the filters of the target's list."""

import inspect
from dataclasses import dataclass
from typing import Any

from fastapi import Query, Request

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.api.list_query import filter_parameter, filters_given, parameter
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.queries.export_rows import EXPORT_SOURCES
from web_helper.backend.services.exports.export_wish import ExportWish

_OWN = [
    parameter("target", ExportTarget, Query(description="What is exported.")),
    parameter("project", int | None, Query(None, description="The project; needed for task and assignment.")),
    parameter("after", str | None, Query(None, description="The token of the last line that was read.")),
]
_OWN_NAMES = frozenset(own.name for own in _OWN)


@dataclass(frozen=True)
class ExportQuery:
    """What to stream, and after which token."""

    wish: ExportWish
    after: str | None


async def read_export_query(request: Request, **values: Any) -> ExportQuery:
    """Take the filters of the target, and refuse those of other targets as any other unknown name."""
    target: ExportTarget = values["target"]
    filters = EXPORT_SOURCES[target].listing.filters
    allowed = _OWN_NAMES | set(filters)
    for name in request.query_params:
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            raise ValidationProblem.of_field(
                name, f"the target {target.value!r} has no such parameter; allowed: {known}."
            )
    given = filters_given([name for name in filters if name not in _OWN_NAMES], values)
    return ExportQuery(ExportWish(target, values["project"], given), values["after"])


def _filter_parameters() -> list[inspect.Parameter]:
    parameters: dict[str, inspect.Parameter] = {}
    for source in EXPORT_SOURCES.values():
        for name, definition in source.listing.filters.items():
            if name not in _OWN_NAMES:
                parameters.setdefault(name, filter_parameter(name, definition))
    return list(parameters.values())


_request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
read_export_query.__signature__ = inspect.Signature([_request, *_OWN, *_filter_parameters()])  # type: ignore[attr-defined]
