"""Tasks, assignments, truths and events with their annotations: v1 items, v2 details and bulk answers.

All of them come from the one scan in `queries.export_rows` and leave as bytes: the annotations are never decoded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import ResponseMode
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.core.signing import PayloadGrant, SignedUrl
from web_helper.backend.models import Assignment, GroundTruth, GroundTruthEvent, Task
from web_helper.backend.queries import export_rows, lists
from web_helper.backend.queries.export_rows import Row, RowSource, UnitFile, UrlOf, encode
from web_helper.backend.queries.filters import Selection
from web_helper.backend.queries.work.ground_truths import project_of_event
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import NumberRequest, select_visible

PayloadUrlOf = Callable[[PayloadGrant], SignedUrl]
EPOCH = datetime.fromtimestamp(0, UTC)


class Part(StrEnum):
    """What an item can be expanded with."""

    DATA = "data"
    DATA_UNIT = "data_unit"
    FILES = "files"


ALL_PARTS: frozenset[str] = frozenset(part.value for part in Part)


@dataclass(frozen=True)
class RowKind:
    """One kind of row: its scan, and its own fields under their v2 names, and where v1 has another name."""

    noun: str
    source: RowSource
    columns: Mapping[str, Any]
    v1_names: Mapping[str, str]
    has_tags: bool = True

    @property
    def made(self) -> Any:
        """When a row was made; no later row has its id and this."""
        return self.columns["pgh_created" if "pgh_created" in self.columns else "created"]

    @property
    def v1_fields(self) -> frozenset[str]:
        """All fields of a v1 item."""
        own = {self.v1_names.get(name, name) for name in self.columns}
        return frozenset(own | {"id", "tags"} | ALL_PARTS)


_WORK_NAMES = {
    "project_id": "project",
    "data_unit_id": "data_unit",
    "task_id": "task",
    "user_id": "user",
    "reviewer_id": "reviewer",
    "dataset_id": "dataset",
    "ground_truth_id": "ground_truth",
}


def _columns(entity: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in names}


TASKS = RowKind(
    "tasks",
    export_rows.TASK_ROWS,
    _columns(Task, "id", "project_id", "data_unit_id", "status", "is_discarded", "meta", "created"),
    _WORK_NAMES,
)
ASSIGNMENTS = RowKind(
    "assignments",
    export_rows.ASSIGNMENT_ROWS,
    _columns(Assignment, "id", "project_id", "task_id", "user_id", "reviewer_id", "status_label", "status_review")
    | _columns(Assignment, "is_confirmed", "is_discarded", "created"),
    _WORK_NAMES,
)
TRUTHS = RowKind(
    "ground_truths",
    export_rows.TRUTH_ROWS,
    _columns(GroundTruth, "id", "dataset_id", "data_unit_id", "created"),
    _WORK_NAMES,
    has_tags=False,
)
EVENTS = RowKind(
    "ground_truth_events",
    export_rows.EVENT_ROWS,
    _columns(GroundTruthEvent, "pgh_id", "pgh_label", "pgh_created", "ground_truth_id", "dataset_id", "data_unit_id")
    | {"project_id": project_of_event()},
    _WORK_NAMES,
    has_tags=False,
)
KINDS: Mapping[str, RowKind] = {kind.noun: kind for kind in (TASKS, ASSIGNMENTS, TRUTHS, EVENTS)}


@dataclass(frozen=True)
class ItemShape:
    """What an item shows: expanded parts, and of all fields only these (None: all)."""

    is_v1: bool
    parts: frozenset[str] = ALL_PARTS
    fields: frozenset[str] | None = None


@dataclass(frozen=True)
class BulkRows:
    """Rows as JSON, ascending by id, and the ids that were not found."""

    rows: list[bytes]
    missing_ids: list[int]


def read_item(call: Call, kind: RowKind, row_id: int, *, shape: ItemShape, url_of: UrlOf) -> bytes:
    """One row that the caller may see.

    Raises:
        NotFoundProblem: There is none, or it belongs to a project of others.
    """
    selection = select_visible(call, kind.source.listing, {})
    items = _items(call, kind, selection, [row_id], shape=shape, url_of=url_of)
    if not items:
        raise NotFoundProblem.of(kind.source.listing.noun.rstrip("s"), row_id)
    return items[0]


def read_items(
    call: Call, kind: RowKind, request: NumberRequest, *, shape: ItemShape, url_of: UrlOf
) -> tuple[list[bytes], int]:
    """One numbered page, and the count of all rows."""
    selection = select_visible(call, kind.source.listing, request.filters)
    ids, count = lists.numbered_keys(
        call.session, selection, descending=request.is_descending, offset=request.offset, limit=request.page_size
    )
    bare = Selection(selection.listing, (), selection.listing.keys)
    items = _items(call, kind, bare, ids, shape=shape, url_of=url_of)
    if request.is_descending:
        items.reverse()
    return items, count


def read_created(call: Call, kind: RowKind, ids: Sequence[int], *, shape: ItemShape, url_of: UrlOf) -> list[bytes]:
    """Rows that the caller has just made, ascending by id."""
    return _items(call, kind, select_visible(call, kind.source.listing, {}), ids, shape=shape, url_of=url_of)


def read_bulk(
    call: Call,
    kind: RowKind,
    ids: Sequence[int],
    *,
    mode: ResponseMode,
    url_of: UrlOf,
    payload_url_of: PayloadUrlOf,
) -> BulkRows:
    """Rows by id, as export bundles hold them; large data as a URL when the mode says so."""
    selection = select_visible(call, kind.source.listing, {})
    wanted = sorted(set(ids))
    rows = export_rows.rows_of_ids(call.session, kind.source, selection, wanted, extra=(kind.made,))

    def data_of(row: Row) -> bytes:
        raw = export_rows.stored_data(row)
        if mode is ResponseMode.INLINE or len(raw) <= call.settings.inline_max_bytes:
            return raw
        made = (row.extra[0] - EPOCH) // timedelta(microseconds=1)
        return _presigned(raw, payload_url_of(PayloadGrant(kind.noun, row.id, made)))

    lines = [export_rows.export_line(row, url_of, data_of) for row in rows]
    return BulkRows(lines, sorted({*wanted} - {row.id for row in rows}))


def _presigned(raw: bytes, link: SignedUrl) -> bytes:
    return encode(
        {
            "mode": ResponseMode.PRESIGNED,
            "presigned_url": link.url,
            "expires_at": link.expires_at,
            "size_bytes": len(raw),
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
    )


def _items(
    call: Call, kind: RowKind, selection: Selection, ids: Sequence[int], *, shape: ItemShape, url_of: UrlOf
) -> list[bytes]:
    columns = tuple(kind.columns.values())
    rows = export_rows.rows_of_ids(
        call.session, kind.source, selection, ids, extra=columns, with_data=Part.DATA in shape.parts
    )
    return [item_of(kind, row, shape, url_of) for row in rows]


def item_of(kind: RowKind, row: Row, shape: ItemShape, url_of: UrlOf) -> bytes:
    """One row, which was read with the kind's columns, as JSON."""
    names = kind.v1_names if shape.is_v1 else {}
    document = {names.get(name, name): value for name, value in zip(kind.columns, row.extra, strict=True)}
    if shape.is_v1:
        document = {"id": row.id, **document, "data_unit": row.unit.id}
    if shape.is_v1 or kind.has_tags:
        document["tags"] = row.tags
    files = {file.specification: _file(file, url_of) for file in row.files}
    if Part.DATA_UNIT in shape.parts:
        unit = row.unit
        document["data_unit"] = {
            "id": unit.id, "name": unit.name, "width": unit.width, "height": unit.height, "files": files,
        }  # fmt: skip
    if Part.FILES in shape.parts:
        document["files"] = _primary(files)
    return _with_data(document, row, shape)


def _with_data(document: dict[str, Any], row: Row, shape: ItemShape) -> bytes:
    fields = shape.fields
    kept = document if fields is None else {name: value for name, value in document.items() if name in fields}
    head = encode(kept)
    if Part.DATA not in shape.parts or (fields is not None and Part.DATA not in fields):
        return head
    comma = b"," if kept else b""
    return b'%b%b"data":%b}' % (head[:-1], comma, export_rows.stored_data(row))


def _file(file: UnitFile, url_of: UrlOf) -> dict[str, Any]:
    return {
        "url": url_of(file),
        "file_name_original": file.file_name_original,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "specification": file.specification,
        "is_primary": file.is_primary,
    }


def _primary(files: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The primary specification's file, else the first by specification."""
    entries: Collection[dict[str, Any]] = files.values()
    return next((file for file in entries if file["is_primary"]), next(iter(entries), {}))


def read_payload(session: Session, grant: PayloadGrant) -> bytes:
    """The stored JSON of one row, for whoever holds a signed link to it.

    Raises:
        NotFoundProblem: The row was deleted since the link was made.
    """
    kind, made = KINDS[grant.table], EPOCH + timedelta(microseconds=grant.made)
    text = export_rows.data_text(session, kind.source, grant.row_id, kind.made == made)
    if text is None:
        raise NotFoundProblem("The data behind this link is gone.")
    return text.encode()
