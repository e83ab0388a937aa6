"""A filter as list requests that a server accepts: a selection by many ids does not fit into one URL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from synapse_sdk.exceptions import ConfigurationError

MAX_IDS_PER_REQUEST = 500


@dataclass(frozen=True)
class Selection:
    """What to ask for, and what to leave out of the answers.

    Attributes:
        requests: Filters of list requests, in descending order of the ids that they name; disjoint.
        excluded: Ids that are too many to be named in a URL.
    """

    requests: tuple[dict[str, Any], ...]
    excluded: frozenset[int] = frozenset()

    @property
    def is_simple(self) -> bool:
        """One request answers it."""
        return len(self.requests) == 1 and not self.excluded

    def excluded_requests(self) -> list[dict[str, Any]]:
        """Requests for what is left out, to count it."""
        return [request | {"ids": chunk} for request in self.requests for chunk in _chunks(self.excluded)]


def plan_selection(filters: Mapping[str, Any]) -> Selection:
    """Cut a filter into requests; a filter that fits into one is passed on as it is.

    Raises:
        ConfigurationError: A word of a list holds a comma, which a list in a URL cannot express.
    """
    request = {name: value for name, value in filters.items() if value is not None}
    _refuse_commas(request)
    only, without = parse_ids(request.get("ids")), parse_ids(request.get("ids_ex"))
    if max(len(only), len(without)) <= MAX_IDS_PER_REQUEST:
        return Selection((request,))
    if not only:
        request.pop("ids_ex")
        # An empty list of ids selects nothing; there is nothing to leave out of it.
        return Selection((request,), frozenset(without) if "ids" not in request else frozenset())
    if without:
        del request["ids_ex"]
        only -= without
    return Selection(tuple(request | {"ids": chunk} for chunk in _chunks(only) or [[]]))


def parse_ids(value: Any) -> set[int]:
    """The ids that a filter names: one, a comma list, or several; anything else is the server's to refuse."""
    parts = value.split(",") if isinstance(value, str) else value
    parts = [parts] if isinstance(parts, int) else parts or []
    try:
        return {int(part) for part in parts}
    except (TypeError, ValueError):
        return set()


def _refuse_commas(request: Mapping[str, Any]) -> None:
    for name, value in request.items():
        if isinstance(value, (list, tuple, set, frozenset)) and any("," in str(part) for part in value):
            raise ConfigurationError(
                f"filter.{name} names a word with a comma, which would select other rows when this process fetches "
                "them. Let the server gather the data, or rename the word."
            )


def _chunks(ids: Iterable[int]) -> list[list[int]]:
    ordered = sorted(ids, reverse=True)
    return [ordered[start : start + MAX_IDS_PER_REQUEST] for start in range(0, len(ordered), MAX_IDS_PER_REQUEST)]
