"""One page of a list, whichever envelope it comes in.

v1 answers `{count, next, previous, results}` with absolute URLs. v2 answers `{data, meta: {request_id, pagination:
{next_cursor, …}}}`; its published schema also names `{next, previous, results}`, so both are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, ValidationError

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.exceptions import ClientError

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class ListPage:
    """Items of one page and how to get the next.

    Attributes:
        next_url: Address of the next page, as the server named it.
        next_cursor: Cursor of the next page.
        count: Rows in the whole list; None when the server does not say.
    """

    items: list[dict[str, Any]]
    next_url: str | None = None
    next_cursor: str | None = None
    count: int | None = None


def parse_page(body: Any, label: str) -> ListPage:
    """Read either envelope.

    Raises:
        ClientError: The body is neither.
    """
    if isinstance(body, dict) and isinstance(body.get("results"), list):
        next_url = body.get("next")
        cursor = parse_qs(urlsplit(next_url).query).get("cursor") if isinstance(next_url, str) else None
        return ListPage(body["results"], next_url, cursor[0] if cursor else None, body.get("count"))
    if isinstance(body, dict) and isinstance(body.get("data"), list):
        pagination = (body.get("meta") or {}).get("pagination") or {}
        return ListPage(body["data"], next_cursor=pagination.get("next_cursor"))
    raise ClientError(None, f"{label} was not answered with a list. Is the address a Synapse server's?")


def parse_item(body: Any, label: str) -> Any:
    """What a v2 envelope holds, or the bare object of a server without envelopes.

    Raises:
        ClientError: The body is not a JSON object.
    """
    if not isinstance(body, dict):
        raise ClientError(
            None, f"{label} was not answered with an object. Check that the address is a Synapse server's."
        )
    return body["data"] if body.keys() == {"data", "meta"} else body


def parse_model(model: type[M], value: Any, label: str) -> M:
    """The value as its model.

    Raises:
        ClientError: It has another shape, as from a server of another version.
    """
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ClientError(
            None,
            f"{label} was answered in a shape that this client does not know ({where}: {problem['msg']}). "
            "Client and server are of different versions?",
        ) from exc


class Results:
    """The rows of a v1 list: `len()` is the whole list's count, iterating follows its pages.

    The first page is fetched once, when this is made; each iteration goes through the following pages anew.
    """

    def __init__(self, client: BaseClient, call: Call) -> None:
        self._client = client
        self._call = call
        self._first = parse_page(client.send_json(call), call.label)
        self.count = self._first.count if self._first.count is not None else len(self._first.items)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        page = self._first
        seen: set[str] = set()
        while True:
            yield from page.items
            if page.next_url is None:
                return
            if page.next_url in seen:
                raise ClientError(None, f"{self._call.label}: the server's pages go round in a circle.")
            seen.add(page.next_url)
            call = Call("GET", page.next_url, is_long=True)
            page = parse_page(self._client.send_json(call), call.label)
