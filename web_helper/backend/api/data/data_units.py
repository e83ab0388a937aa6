"""Data units with their files: v1 and v2. Several may be added in one request."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from synapse_sdk.wire.data import MAX_UNITS_PER_REQUEST, DataUnit, DataUnitChange, DataUnitCreate, UnitFile
from synapse_sdk.wire.pages import Envelope
from web_helper.backend.api.context import Writing
from web_helper.backend.api.resource import Resource, envelope
from web_helper.backend.queries.data import data_units as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.data import data_units as service
from web_helper.backend.services.data.files import file_url


def _present(call: Call, row: Any) -> DataUnit:
    return DataUnit(
        id=row.id,
        data_collection_id=row.data_collection_id,
        key=row.key,
        name=row.name,
        width=row.width,
        height=row.height,
        meta=row.meta,
        files={file.specification: _present_file(call, file) for file in row.files},
        created=row.created,
    )


def _present_file(call: Call, file: Any) -> UnitFile:
    return UnitFile(
        data_file_id=file.data_file_id,
        specification=file.specification,
        file_name_original=file.file_name_original,
        url=file_url(call, file.data_file, file.file_name_original),
        sha256=file.data_file.sha256,
        size_bytes=file.data_file.size_bytes,
        is_primary=file.is_primary,
    )


Units = Annotated[list[DataUnitCreate], Field(min_length=1, max_length=MAX_UNITS_PER_REQUEST)]

_units = Resource("data_units", queries.LISTING, DataUnit, present=_present)
_units.listed()
_units.read()
_units.changed(service.update_unit, DataUnitChange)
_units.deleted(service.delete_unit)
router = _units.router


def _create(call: Call, body: DataUnitCreate | list[DataUnitCreate]) -> Any:
    """One for one, a list for a list."""
    if isinstance(body, list):
        return [_present(call, unit) for unit in service.create_units(call, body)]
    return _present(call, service.create_units(call, [body])[0])


@router.post("/data_units/", status_code=HTTPStatus.CREATED, operation_id="v1_data_units_create")
def create_units(call: Writing, body: DataUnitCreate | Units) -> DataUnit | list[DataUnit]:
    """Add one data unit, or several: all or none."""
    created: DataUnit | list[DataUnit] = _create(call, body)
    return created


@router.post("/v2/data-units/", status_code=HTTPStatus.CREATED, operation_id="v2_data_units_create")
def create_units_v2(call: Writing, body: DataUnitCreate | Units) -> Envelope[DataUnit | list[DataUnit]]:
    """Add one data unit, or several: all or none."""
    return Envelope[DataUnit | list[DataUnit]].model_validate(envelope(call, _create(call, body)))
