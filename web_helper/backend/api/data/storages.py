"""Storages: v1 and v2. What may be secret is shown only to those who write into storages, and only when asked for."""

from __future__ import annotations

from typing import Any

from synapse_sdk.wire.data import Storage, StorageChange, StorageCreate
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Reading
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.queries.data import storages as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.data import storages as service


def _present(_call: Call, row: Any) -> Storage:
    return _shape(row, service.masked(row.configuration))


def _shape(row: Any, configuration: dict[str, Any]) -> Storage:
    return Storage(
        id=row.id,
        name=row.name,
        category=row.category,
        provider=row.provider,
        configuration=configuration,
        is_default=row.is_default,
        created=row.created,
    )


_storages = Resource("storages", queries.LISTING, Storage, present=_present)
router = _storages.router


@router.get("/storages/{item_id}/", operation_id="v1_storages_read")
def read_storage(call: Reading, item_id: int, with_configuration: bool = False) -> Storage:  # noqa: FBT001, FBT002
    """One storage; `with_configuration=true` needs a key that writes, of an administrator or a project's manager."""
    row, configuration = service.read_storage(call, item_id, with_configuration=with_configuration)
    return _shape(row, configuration)


@router.get("/v2/storages/{item_id}/", operation_id="v2_storages_read")
def read_storage_v2(
    call: Reading,
    item_id: int,
    with_configuration: bool = False,  # noqa: FBT001, FBT002
) -> Envelope[Storage]:
    """One storage; `with_configuration=true` needs a key that writes, of an administrator or a project's manager."""
    row, configuration = service.read_storage(call, item_id, with_configuration=with_configuration)
    return Envelope[Storage].model_validate(envelope(call, _shape(row, configuration)))


_storages.listed()
_storages.created(service.create_storage, StorageCreate)
_storages.changed(service.update_storage, StorageChange)
_storages.deleted(service.delete_storage)
