"""Resources whose items carry annotations: slim v2 lists, v1 lists that can be expanded, details, and bulk reading.

Items arrive here as bytes and leave as bytes; the declared models document them.
"""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from synapse_sdk.wire.bundle import BulkAnswer, BulkRequest
from synapse_sdk.wire.pages import Envelope, NumberedPage
from web_helper.backend.api.context import Reading, Signer, Writing
from web_helper.backend.api.list_query import NumberQuery, number_query
from web_helper.backend.api.resource import Resource, page_links
from web_helper.backend.core.signing import ObjectGrant, Operation, UrlSigner
from web_helper.backend.queries.export_rows import UnitFile, UrlOf, encode
from web_helper.backend.services.call import Call
from web_helper.backend.services.work import rows
from web_helper.backend.services.work.rows import ALL_PARTS, ItemShape, RowKind

V1_DETAIL = ItemShape(is_v1=True)
V2_DETAIL = ItemShape(is_v1=False)


def json_answer(body: bytes, status: int = 200) -> Response:
    """Bytes that are JSON already."""
    return Response(body, status, media_type="application/json")


def file_url_of(signer: UrlSigner) -> UrlOf:
    """Signed links to the files of rows."""

    def url_of(file: UnitFile) -> str:
        grant = ObjectGrant(file.storage_id, file.path, Operation.GET, file_name=file.file_name_original)
        return signer.sign_object(grant).url

    return url_of


class RowResource(Resource):
    """A resource of one row kind.

    Args:
        kind: Where its rows come from.
        summary: Model of items in v2 lists.
        detail: Model of a single v2 item.
        v1_item: Model of v1 items.
    """

    def __init__(
        self, kind: RowKind, summary: type[BaseModel], *, detail: type[BaseModel], v1_item: type[BaseModel]
    ) -> None:
        super().__init__(kind.noun, kind.source.listing, summary, detail=detail)
        self.kind = kind
        self.v1_item = v1_item

    def answer(self, call: Call, version: str, row_id: int, *, signer: UrlSigner, status: int = 200) -> Response:
        """A single item."""
        shape = V1_DETAIL if version == "v1" else V2_DETAIL
        item = rows.read_item(call, self.kind, row_id, shape=shape, url_of=file_url_of(signer))
        if version == "v1":
            return json_answer(item, status)
        return json_answer(b'{"data":%b,"meta":%b}' % (item, encode({"request_id": call.request_id})), status)

    def bulk(self, path: str) -> None:
        """Add reading up to 200 rows by id, at `path` below the v2 resource."""

        def read_bulk(call: Reading, signer: Signer, body: BulkRequest) -> Response:
            """Up to 200 rows by id, ascending; what the caller may not see is in `meta.missing_ids`."""
            found = rows.read_bulk(
                call,
                self.kind,
                body.ids,
                mode=body.response_mode,
                url_of=file_url_of(signer),
                payload_url_of=signer.sign_payload,
            )
            meta = encode({"request_id": call.request_id, "missing_ids": found.missing_ids})
            return json_answer(b'{"data":[%b],"meta":%b}' % (b",".join(found.rows), meta))

        self._route("v2", "POST", f"{path}/", read_bulk, model=BulkAnswer)

    def sdk_list(self) -> None:
        """Add the v1 list that carries everything: what `list_all` and exports without v2 read."""
        self._list_items(f"/sdk/{self.noun}/", ALL_PARTS, f"v1_sdk_{self.noun}_list")

    def _list_v1(self) -> None:
        self._list_items(self.paths["v1"], frozenset(), f"v1_{self.noun}_list")

    def _list_items(self, path: str, parts: frozenset[str], operation_id: str) -> None:
        query_of = number_query(self.listing, self.kind.v1_fields, ALL_PARTS)

        def list_items(
            call: Reading, signer: Signer, request: Request, query: Annotated[NumberQuery, Depends(query_of)]
        ) -> Response:
            """Rows by numbered pages; `expand` adds parts of them. An unknown parameter is refused."""
            shape = ItemShape(is_v1=True, parts=parts | query.expand, fields=query.fields)
            url_of = file_url_of(signer)
            items, count = rows.read_items(call, self.kind, query.request, shape=shape, url_of=url_of)
            head = encode(page_links(request, query, count))
            return json_answer(b'%b,"results":[%b]}' % (head[:-1], b",".join(items)))

        page_of: Any = NumberedPage
        self.router.add_api_route(
            path, list_items, methods=["GET"], response_model=page_of[self.v1_item], operation_id=operation_id
        )

    def _reader(self, version: str, find: Callable[[Call, Any], Any]) -> Callable[..., Any]:  # noqa: ARG002
        def read(call: Reading, signer: Signer, item_id: int) -> Response:
            return self.answer(call, version, item_id, signer=signer)

        return read

    def _creator(self, version: str, service: Callable[[Call, Any], Any], model: type[BaseModel]) -> Callable[..., Any]:
        def create(call: Writing, signer: Signer, body: Any) -> Response:
            return self.answer(call, version, _key_of(service(call, body)), signer=signer, status=201)

        create.__annotations__["body"] = model
        return create

    def _changer(
        self, version: str, service: Callable[[Call, Any, Any], Any], model: type[BaseModel]
    ) -> Callable[..., Any]:
        def change(call: Writing, signer: Signer, item_id: int, body: Any) -> Response:
            return self.answer(call, version, _key_of(service(call, item_id, body)), signer=signer)

        change.__annotations__["body"] = model
        return change

    def _model_of(self, version: str) -> Any:
        envelope_of: Any = Envelope
        return envelope_of[self.detail] if version == "v2" else self.v1_item


def _key_of(row: Any) -> int:
    return int(row.id)
