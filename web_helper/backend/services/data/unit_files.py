"""Which uploaded files become the files of a data unit: names and ids are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.imports import ImportFile
from web_helper.backend.models import DataFile, FileSpecification, FileStatus
from web_helper.backend.queries.data import files as queries
from web_helper.backend.services.call import Call


@dataclass(frozen=True)
class WantedFiles:
    """What a request says about one unit's files; `field` is where it says so."""

    field: str
    unit_name: str
    files: Mapping[str, int | ImportFile]
    primary: str | None = None


def resolve_files(
    call: Call, specifications: Sequence[FileSpecification], wanted: Sequence[WantedFiles]
) -> tuple[list[list[dict[str, Any]]], list[FieldError]]:
    """Rows of unit files for each unit, in the order of the collection's specifications, and what is wrong.

    One query finds all files; a file that the caller may not see is reported as one that is not there.
    """
    ids = [_id_of(file) for unit in wanted for file in unit.files.values()]
    known = queries.visible_files(call.session, ids, call.actor.viewer_id)
    rows: list[list[dict[str, Any]]] = []
    problems: list[FieldError] = []
    for unit in wanted:
        found = [*_refuse_names(unit, specifications), *_refuse_files(unit, known)]
        problems += found
        rows.append([] if found else _rows_of(unit, specifications))
    return rows, problems


def _id_of(file: int | ImportFile) -> int:
    return file if isinstance(file, int) else file.data_file_id


def _refuse_names(unit: WantedFiles, specifications: Sequence[FileSpecification]) -> list[FieldError]:
    names = [specification.name for specification in specifications]
    problems = [
        FieldError(field=f"{unit.field}.{name}", message=f"the collection has no such file; it has {', '.join(names)}.")
        for name in unit.files
        if name not in names
    ]
    problems += [
        FieldError(field=f"{unit.field}.{specification.name}", message="the collection requires this file.")
        for specification in specifications
        if specification.is_required and specification.name not in unit.files
    ]
    if unit.primary is not None and unit.primary not in unit.files:
        problems.append(FieldError(field=unit.field, message=f"the primary file {unit.primary!r} is not among them."))
    return problems


def _refuse_files(unit: WantedFiles, known: Mapping[int, DataFile]) -> list[FieldError]:
    problems = []
    for name, file in unit.files.items():
        row = known.get(_id_of(file))
        if row is None:
            message = f"there is no data file {_id_of(file)}, or you may not use it; announce it to claim it."
            problems.append(FieldError(field=f"{unit.field}.{name}", message=message))
        elif row.status != FileStatus.CONFIRMED:
            message = f"data file {row.id} has not arrived; upload it, then confirm it."
            problems.append(FieldError(field=f"{unit.field}.{name}", message=message))
    return problems


def _rows_of(unit: WantedFiles, specifications: Sequence[FileSpecification]) -> list[dict[str, Any]]:
    present = [specification for specification in specifications if specification.name in unit.files]
    marked = [specification.name for specification in present if specification.is_primary]
    primary = unit.primary or next(iter(marked + [specification.name for specification in present]), None)
    rows = []
    for specification in present:
        file = unit.files[specification.name]
        rows.append(
            {
                "specification": specification.name,
                "data_file_id": _id_of(file),
                "is_primary": specification.name == primary,
                "file_name_original": unit.unit_name if isinstance(file, int) else file.file_name,
            }
        )
    return rows
