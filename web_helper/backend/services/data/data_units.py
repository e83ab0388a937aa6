"""Data units: adding them with their files, changing what is known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synapse_sdk.wire.data import ContentReference, DataUnitChange, DataUnitCreate
from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.imports import ImportFile
from web_helper.backend.core.problems import ConflictProblem, ValidationProblem
from web_helper.backend.models import DataUnit, DataUnitFile
from web_helper.backend.queries.data import data_units as queries
from web_helper.backend.queries.data.files import confirmed_hashes
from web_helper.backend.queries.data.import_items import lock_collection, unit_ids_by_key
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.collections import require_manager
from web_helper.backend.services.data.unit_files import WantedFiles, resolve_files
from web_helper.backend.services.lists import read_row


def create_units(call: Call, bodies: Sequence[DataUnitCreate]) -> list[DataUnit]:
    """Add data units, all or none."""
    units: dict[int, DataUnit] = {}
    known = _ids_by_checksum(call, bodies)
    for collection_id in sorted({body.data_collection for body in bodies}):
        require_manager(call, collection_id)
        members = {index: body for index, body in enumerate(bodies) if body.data_collection == collection_id}
        units |= _create_in(call, collection_id, members, known)
    call.session.add_all(units[index] for index in range(len(bodies)))
    call.session.flush()
    ids = [units[index].id for index in range(len(bodies))]
    found = queries.units_of_ids(call.session, ids)
    return [found[unit_id] for unit_id in ids]


def update_unit(call: Call, unit_id: int, body: DataUnitChange) -> DataUnit:
    """Change what was sent of a unit."""
    unit: DataUnit = read_row(call, queries.LISTING, unit_id)
    require_manager(call, unit.data_collection_id)
    for name, value in body.model_dump(exclude_unset=True).items():
        if value is None and name in {"name", "meta"}:
            raise ValidationProblem.of_field(name, "cannot be null.")
        setattr(unit, name, value)
    call.session.flush()
    return unit


def delete_unit(call: Call, unit_id: int) -> None:
    """Delete a unit that no one has annotated; its files stay, others may use them."""
    unit: DataUnit = read_row(call, queries.LISTING, unit_id)
    require_manager(call, unit.data_collection_id)
    if queries.is_annotated(call.session, unit_id):
        raise ConflictProblem(f"Data unit {unit_id} has tasks or ground truths; delete those first.")
    call.session.delete(unit)


def _create_in(
    call: Call, collection_id: int, bodies: Mapping[int, DataUnitCreate], known: Mapping[str, int]
) -> dict[int, DataUnit]:
    collection = lock_collection(call.session, collection_id)
    specifications = collection.file_specifications if collection else []
    _refuse_keys(call, collection_id, bodies)
    wanted = [_wanted(f"{index}.files", body, known) for index, body in bodies.items()]
    files, problems = resolve_files(call, specifications, wanted)
    if problems:
        raise ValidationProblem(f"Nothing was added. {problems[0].field}: {problems[0].message}", problems)
    return {
        index: DataUnit(
            data_collection_id=collection_id,
            key=body.key,
            name=body.name or _name_of(rows, index),
            width=body.width,
            height=body.height,
            meta=dict(body.meta),
            files=[DataUnitFile(**row) for row in rows],
        )
        for (index, body), rows in zip(bodies.items(), files, strict=True)
    }


def _name_of(rows: Sequence[Mapping[str, object]], index: int) -> str:
    name = next((str(row["file_name_original"]) for row in rows if row["is_primary"]), "")
    if not name:
        raise ValidationProblem.of_field(f"{index}.name", "give the unit a name, or a file with one.")
    return name


def _ids_by_checksum(call: Call, bodies: Sequence[DataUnitCreate]) -> dict[str, int]:
    references = (file for body in bodies for file in body.files.values())
    checksums = sorted({file.checksum for file in references if isinstance(file, ContentReference)})
    known = confirmed_hashes(call.session, checksums, call.actor.viewer_id) if checksums else {}
    problems = [
        FieldError(field=f"{index}.files.{name}", message="there is no file of this content; upload it first.")
        for index, body in enumerate(bodies)
        for name, file in body.files.items()
        if isinstance(file, ContentReference) and file.checksum not in known
    ]
    if problems:
        raise ValidationProblem(f"Nothing was added. {problems[0].field}: {problems[0].message}", problems)
    return known


def _wanted(field: str, body: DataUnitCreate, known: Mapping[str, int]) -> WantedFiles:
    files: dict[str, int | ImportFile] = {}
    for name, file in body.files.items():
        if isinstance(file, ContentReference):
            files[name] = ImportFile(data_file_id=known[file.checksum], file_name=file.path)
        else:
            files[name] = file
    return WantedFiles(field, body.name or "", files)


def _refuse_keys(call: Call, collection_id: int, bodies: Mapping[int, DataUnitCreate]) -> None:
    keys = [body.key for body in bodies.values() if body.key is not None]
    taken = set(unit_ids_by_key(call.session, collection_id, keys))
    details = []
    for index, body in bodies.items():
        if body.key is None:
            continue
        if body.key in taken:
            details.append(FieldError(field=f"{index}.key", message="a data unit has this key already."))
        taken.add(body.key)
    if details:
        raise ConflictProblem(f"Nothing was added. {details[0].field}: {details[0].message}", details)
