"""How v1 calls are made: bare objects, and lists that answer a page or everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import Results
from synapse_sdk.utils.file.download import files_url_to_path_from_objs
from synapse_sdk.utils.network import validate_resource_id

Params = Mapping[str, Any]
Body = BaseModel | Mapping[str, Any]
Rows = Iterator[dict[str, Any]]


class V1Transport(BaseClient):
    """The calls that all v1 methods are made of."""

    page_size: ClassVar[int] = 100

    def _get(self, path: str, params: Params | None = None, *, url_conversion: Params | None = None) -> Any:
        item = self.send_json(Call("GET", path, params=params))
        self._convert_urls(item, url_conversion)
        return item

    def _post(self, path: str, body: Any, *, repeatable: bool | None = None) -> Any:
        return self.send_json(Call("POST", path, json=encode_body(body), repeatable=repeatable))

    def _put(self, path: str, body: Any) -> Any:
        return self.send_json(Call("PUT", path, json=encode_body(body)))

    def _patch(self, path: str, body: Any, *, repeatable: bool | None = None) -> Any:
        return self.send_json(Call("PATCH", path, json=encode_body(body), repeatable=repeatable))

    def _list(
        self, path: str, url_conversion: Params | None = None, *, list_all: bool = False, params: Params | None = None
    ) -> Any:
        """One page as a dict, or `(generator, count)` of the whole list. `params` is not changed.

        Raises:
            ClientError: A page could not be fetched.
        """
        call = self._list_call(path, params)
        if list_all:
            results = Results(self, call)
            return self._convert_each(results, url_conversion), results.count
        page = self.send_json(call)
        if url_conversion:
            self._convert_urls(page["results"], {**url_conversion, "is_list": True})
        return page

    def _list_call(self, path: str, params: Params | None) -> Call:
        merged = {"page_size": self.page_size, **(params or {})}
        return Call("GET", path, params=merged, is_long=True)

    def _count(self, path: str, params: Params | None) -> int:
        page = self.send_json(self._list_call(path, {**(params or {}), "page_size": 1}))
        return int(page["count"])

    def _convert_each(self, rows: Results, url_conversion: Params | None) -> Rows:
        for row in rows:
            if url_conversion:
                self._convert_urls(row, {**url_conversion, "is_list": False})
            yield row

    def _convert_urls(self, objs: Any, url_conversion: Params | None) -> None:
        if url_conversion:
            files_url_to_path_from_objs(
                objs,
                list(url_conversion["files_fields"]),
                is_list=bool(url_conversion.get("is_list")),
                client=self.anonymous,
            )


def item_path(collection: str, resource_id: int | str, action: str = "") -> str:
    """Path of one item, or of an action on it."""
    return f"{collection}/{validate_resource_id(resource_id)}/{action}"


def encode_body(body: Any) -> Any:
    """A body as JSON values; of a request model only the fields that were set."""
    if isinstance(body, BaseModel):
        return body.model_dump(mode="json", exclude_unset=True)
    if isinstance(body, list):
        return [encode_body(item) for item in body]
    return body
