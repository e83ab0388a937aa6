"""Rows with their annotations, files and tags, as the bytes that bulk answers and export bundles carry.

The stored JSON text is spliced into the row without being decoded: that is what makes a scan fast (four times against
objects). It holds because `services.annotation_data` stores nothing but compact JSON, which has no line breaks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, Table, null, select
from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.models import (
    Assignment,
    DataFile,
    DataUnit,
    DataUnitFile,
    GroundTruth,
    GroundTruthEvent,
    Tag,
    Task,
    assignment_tags,
    task_tags,
)
from web_helper.backend.queries.filters import Listing, Selection, is_any_of, select_where
from web_helper.backend.queries.lists import beyond, in_order
from web_helper.backend.queries.work.ground_truths import EVENTS, TRUTHS
from web_helper.backend.queries.work.tasks import ASSIGNMENTS, TASKS

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class RowSource:
    """Where one kind of row keeps its annotations, its data unit and its tags."""

    listing: Listing
    data: Any
    data_unit_id: Any
    via: Any = None
    tag_table: Table | None = None
    tagged_id: str = ""

    def columns(self, *extra: Any, with_data: bool = True) -> Select[Any]:
        """Id, data text and data unit, then what else is wanted; one statement per batch."""
        unit = (DataUnit.id, DataUnit.name, DataUnit.width, DataUnit.height)
        data = self.data if with_data else null()
        statement = select(self.listing.key, data, *unit, *extra).select_from(self.listing.entity)
        if self.via is not None:
            statement = statement.join(self.via)
        return statement.join(DataUnit, DataUnit.id == self.data_unit_id)


TASK_ROWS = RowSource(TASKS, Task.data, Task.data_unit_id, tag_table=task_tags, tagged_id="task_id")
ASSIGNMENT_ROWS = RowSource(
    ASSIGNMENTS,
    Assignment.data,
    Task.data_unit_id,
    via=Assignment.task,
    tag_table=assignment_tags,
    tagged_id="assignment_id",
)
TRUTH_ROWS = RowSource(TRUTHS, GroundTruth.data, GroundTruth.data_unit_id)
EVENT_ROWS = RowSource(EVENTS, GroundTruthEvent.data, GroundTruthEvent.data_unit_id)

EXPORT_SOURCES: Mapping[ExportTarget, RowSource] = {
    ExportTarget.TASK: TASK_ROWS,
    ExportTarget.ASSIGNMENT: ASSIGNMENT_ROWS,
    ExportTarget.GROUND_TRUTH: EVENT_ROWS,
}


class UnitFile(msgspec.Struct, frozen=True):
    """One file of a data unit, and where its bytes lie."""

    data_file_id: int
    storage_id: int
    path: str
    sha256: str
    size_bytes: int
    specification: str
    is_primary: bool
    file_name_original: str


class Unit(msgspec.Struct, frozen=True):
    """The data unit that a row annotates."""

    id: int
    name: str
    width: int | None
    height: int | None


class Row(msgspec.Struct, frozen=True):
    """One row before it becomes bytes; `text` is the stored JSON, untouched."""

    id: int
    text: str | None
    unit: Unit
    extra: tuple[Any, ...]
    tags: list[str]
    files: list[UnitFile]


UrlOf = Callable[[UnitFile], str]
DataOf = Callable[[Row], bytes]
PathOf = Callable[[UnitFile], str | None]


def stored_data(row: Row) -> bytes:
    """The stored JSON as it is."""
    return b"null" if row.text is None else row.text.encode()


def by_reference(_file: UnitFile) -> None:
    """Outside a bundle, and in one without files, a file has no path."""


def export_line(row: Row, url_of: UrlOf, data_of: DataOf = stored_data, path_of: PathOf = by_reference) -> bytes:
    """One row as `synapse_sdk.wire.bundle.ExportRow`, without a line break."""
    return b'{"id":%d,"data":%b,"data_unit":%b,"tags":%b,"files_manifest":%b}' % (
        row.id,
        data_of(row),
        encode(row.unit),
        encode(row.tags),
        files_manifest(row.files, url_of, path_of),
    )


def files_manifest(files: Iterable[UnitFile], url_of: UrlOf, path_of: PathOf) -> bytes:
    """The files of a row, by specification."""
    manifest = {
        file.specification: {
            "file_name_original": file.file_name_original,
            "url": url_of(file),
            "bundle_path": path_of(file),
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "is_primary": file.is_primary,
        }
        for file in files
    }
    return encode(manifest)


def select_target(target: ExportTarget, document: Mapping[str, Any], *, viewer_id: int | None) -> Selection:
    """The rows of an export; the filter document is that of the lists, with the same refusals."""
    return select_where(EXPORT_SOURCES[target].listing, document, viewer_id=viewer_id)


def read_rows(session: Session, source: RowSource, selection: Selection, *, after_id: int, limit: int) -> list[Row]:
    """Up to `limit` rows of a selection after an id, ascending."""
    statement = selection.apply(source.columns()).where(beyond(selection.keys, [after_id], descending=False))
    return _complete(session, source, in_order(statement, selection.keys, descending=False).limit(limit))


def rows_of_ids(
    session: Session,
    source: RowSource,
    selection: Selection,
    ids: Sequence[int],
    *,
    extra: Sequence[Any] = (),
    with_data: bool = True,
) -> list[Row]:
    """The selected rows among these ids, ascending."""
    key = source.listing.key
    statement = selection.apply(source.columns(*extra, with_data=with_data)).where(is_any_of(key, ids)).order_by(key)
    return _complete(session, source, statement)


def data_text(session: Session, source: RowSource, row_id: int, *where: ColumnElement[bool]) -> str | None:
    """The stored JSON of one row, if it is as it must be."""
    text: str | None = session.scalar(select(source.data).where(source.listing.key == row_id, *where))
    return text


def _complete(session: Session, source: RowSource, statement: Select[Any]) -> list[Row]:
    found = session.execute(statement).all()
    files = _files_of(session, sorted({row[2] for row in found}))
    tags = _tags_of(session, source, [row[0] for row in found])
    return [
        Row(row[0], row[1], Unit(*row[2:6]), tuple(row[6:]), tags.get(row[0], []), files.get(row[2], []))
        for row in found
    ]


def _files_of(session: Session, unit_ids: Sequence[int]) -> dict[int, list[UnitFile]]:
    """Files by data unit, by specification (index: unique data_unit_id, specification)."""
    if not unit_ids:
        return {}
    statement = (
        select(
            DataUnitFile.data_unit_id,
            DataFile.id,
            DataFile.storage_id,
            DataFile.path,
            DataFile.sha256,
            DataFile.size_bytes,
            DataUnitFile.specification,
            DataUnitFile.is_primary,
            DataUnitFile.file_name_original,
        )
        .join(DataFile, DataFile.id == DataUnitFile.data_file_id)
        .where(is_any_of(DataUnitFile.data_unit_id, unit_ids))
        .order_by(DataUnitFile.data_unit_id, DataUnitFile.specification)
    )
    files: dict[int, list[UnitFile]] = defaultdict(list)
    for row in session.execute(statement):
        files[row[0]].append(UnitFile(*row[1:]))
    return files


def _tags_of(session: Session, source: RowSource, ids: Sequence[int]) -> dict[int, list[str]]:
    """Tag names by row, sorted (primary key of the association table)."""
    if source.tag_table is None or not ids:
        return {}
    owner = source.tag_table.c[source.tagged_id]
    statement = (
        select(owner, Tag.name)
        .join(Tag, Tag.id == source.tag_table.c.tag_id)
        .where(is_any_of(owner, ids))
        .order_by(owner, Tag.name)
    )
    tags: dict[int, list[str]] = defaultdict(list)
    for row_id, name in session.execute(statement):
        tags[row_id].append(name)
    return tags
