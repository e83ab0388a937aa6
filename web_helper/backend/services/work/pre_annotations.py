"""Pre-annotation runs: pages of tasks going out, batches of results coming in, each result taken or refused by itself.

A task is annotated once by one model version: the unique row of `pre_annotations` decides, so a batch that is sent
again, by whoever was killed in the middle, writes nothing twice. What people have begun or finished is never replaced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from synapse_sdk.exceptions import StorageError
from synapse_sdk.wire.annotations import ClassSchema
from synapse_sdk.wire.pre_annotations import (
    MAX_INLINE_FILE_BYTES,
    MAX_INLINE_PAGE_BYTES,
    MAX_RESULTS_PER_REQUEST,
    PreAnnotationMethod,
    PreAnnotationOutcome,
    PreAnnotationRunCreate,
    PreAnnotationState,
    PreAnnotationTasksRequest,
)
from web_helper.backend.core.problems import ConflictProblem, Problem, ValidationProblem
from web_helper.backend.models import PreAnnotationRun, Role, WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import export_rows
from web_helper.backend.queries.export_rows import Row, UnitFile, UrlOf
from web_helper.backend.queries.filters import Selection
from web_helper.backend.queries.plugins.models import LISTING as MODELS
from web_helper.backend.queries.plugins.plugins import RELEASES
from web_helper.backend.queries.work import pre_annotations as queries
from web_helper.backend.services.access import require_role
from web_helper.backend.services.annotation_data import check_annotation_text
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.objects import object_at, path_of_content
from web_helper.backend.services.data.storages import root_of
from web_helper.backend.services.lists import read_row, select_visible
from web_helper.backend.services.work import rows
from web_helper.backend.services.work.projects import find_project, read_class_schema
from web_helper.backend.services.work.tasks import project_of

encode = msgspec.json.Encoder().encode


def create_run(call: Call, body: PreAnnotationRunCreate) -> PreAnnotationRun:
    """Register a run; the same run again answers what is there.

    Raises:
        ConflictProblem: The id belongs to a run of something else.
    """
    project = find_project(call, body.project, Role.MANAGER)
    facts = body.model_dump(exclude={"project", "plugin_release", "model"}) | {
        "project_id": project.id,
        "plugin_release_id": read_row(call, RELEASES, body.plugin_release).id if body.plugin_release else None,
        "model_id": read_row(call, MODELS, body.model).id if body.model else None,
    }
    known = call.session.get(PreAnnotationRun, body.id)
    if known is None:
        run = PreAnnotationRun(**facts, user_id=call.actor.user_id, created=utc_now())
        call.session.add(run)
        call.session.flush()
        return run
    if known.undone_at is not None or any(getattr(known, name) != value for name, value in facts.items()):
        raise ConflictProblem(f"Run {body.id} is another run, or was undone; choose a new id.")
    return known


def find_run(call: Call, run_id: str) -> PreAnnotationRun:
    """A run whose project the caller manages."""
    run: PreAnnotationRun = read_row(call, queries.RUNS, run_id)
    require_role(call, run.project_id, Role.MANAGER)
    return run


def version_key(run: PreAnnotationRun, source_version: str) -> str:
    """What tells one model version from another: release and model, or specification, converter and file."""
    if run.method == PreAnnotationMethod.INFERENCE:
        parts: list[Any] = [run.method, run.plugin_release_id, run.model_id]
    else:
        parts = [run.method, run.specification, run.producer, source_version]
    return hashlib.sha256(encode(parts)).hexdigest()


def read_tasks(call: Call, run: PreAnnotationRun, request: PreAnnotationTasksRequest, url_of: UrlOf) -> bytes:
    """The next page of the run's tasks as JSON (`PreAnnotationTasks`)."""
    listing = rows.TASKS.source.listing
    selection = select_visible(call, listing, {**request.filters, "project": run.project_id})
    ids = queries.task_ids_after(call.session, selection, request.after_id, request.limit)
    if not ids:
        return b'{"tasks":[],"done":[],"contents":{}}'
    bare = Selection(listing, (), listing.keys)
    found = export_rows.rows_of_ids(
        call.session, rows.TASKS.source, bare, ids, extra=tuple(rows.TASKS.columns.values())
    )
    known = queries.version_keys(call.session, ids)
    done = {row.id for row in found if (row.id, version_key(run, _source_of(run, row))) in known} if known else set()
    items = [rows.item_of(rows.TASKS, row, rows.ItemShape(is_v1=True), url_of) for row in found]
    files = [file for row in found if row.id not in done and (file := _file_of(run, row))]
    contents = encode(_inline(call, files))
    return b'{"tasks":[%b],"done":%b,"contents":%b}' % (b",".join(items), encode(sorted(done)), contents)


class ResultItem(msgspec.Struct, forbid_unknown_fields=True):
    """`synapse_sdk.wire.pre_annotations.PreAnnotationResult`, its data still JSON: it is stored as it came."""

    task: int
    data: msgspec.Raw
    version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class _Results(msgspec.Struct, forbid_unknown_fields=True):
    items: Annotated[list[ResultItem], msgspec.Meta(min_length=1, max_length=MAX_RESULTS_PER_REQUEST)]


def decode_results(body: bytes) -> list[ResultItem]:
    """The items of a batch.

    Raises:
        ValidationProblem: The batch as a whole is malformed; nothing of it is taken.
    """
    try:
        return msgspec.json.decode(body, type=_Results).items
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise ValidationProblem(f"The batch cannot be read: {exc}.") from exc


def submit_results(call: Call, run: PreAnnotationRun, items: Sequence[ResultItem]) -> list[PreAnnotationOutcome]:
    """Write a batch of results; the answers are in the order of the items.

    Raises:
        ConflictProblem: The run was undone.
    """
    if run.undone_at is not None:
        raise ConflictProblem(f"Run {run.id} was undone; start a new one.")
    batch = _Batch(call, run, sorted({item.task for item in items}))
    planned: dict[int, _Planned] = {}
    outcomes: list[PreAnnotationOutcome] = []
    for item in items:
        error = "The task is twice in this batch." if item.task in planned else batch.refusal(item)
        if error is None:
            try:
                planned[item.task] = batch.plan(item)
            except Problem as exc:
                error = exc.message
        state = PreAnnotationState.REFUSED if error else PreAnnotationState.ANNOTATED
        outcomes.append(PreAnnotationOutcome(task=item.task, status=state, error=error))
    written = queries.insert_pre_annotations(call.session, [plan.row for plan in planned.values()])
    queries.write_task_data(call.session, {task_id: planned[task_id].text for task_id in written})
    for outcome in outcomes:
        if outcome.status is PreAnnotationState.ANNOTATED and outcome.task not in written:
            outcome.status = PreAnnotationState.EXISTS
    return outcomes


@dataclass(frozen=True)
class _Planned:
    text: str
    row: Mapping[str, Any]


class _Batch:
    """The tasks of one batch, locked, and what may be written into them."""

    def __init__(self, call: Call, run: PreAnnotationRun, task_ids: Sequence[int]) -> None:
        self._run = run
        self._tasks = queries.lock_tasks(call.session, run.project_id, task_ids)
        begun = [task_id for task_id, (status, data) in self._tasks.items() if _is_begun(status, data)]
        self._traces = queries.traces(call.session, begun) if begun else {}
        self._schema: ClassSchema = read_class_schema(project_of(call, run.project_id).configuration)
        self._now = utc_now()

    def refusal(self, item: ResultItem) -> str | None:
        """Why nothing may be written, if so."""
        if item.task not in self._tasks:
            return f"There is no task {item.task} in project {self._run.project_id}."
        status, data = self._tasks[item.task]
        if _is_begun(status, data) and (hash_of(data), status) not in self._traces.get(item.task, set()):
            return "People have worked on this task; their annotations were kept."
        return None

    def plan(self, item: ResultItem) -> _Planned:
        """The row and the text.

        Raises:
            ValidationProblem: The data is not allowed.
        """
        text, score = _checked(bytes(item.data), self._schema)
        status, previous = self._tasks[item.task]
        return _Planned(
            text,
            {
                "run_id": self._run.id,
                "task_id": item.task,
                "version_key": version_key(self._run, item.version),
                "source_version": item.version,
                "score": score if item.score is None else item.score,
                "data_sha256": hash_of(text),
                "status": status,
                "previous_data": previous,
                "created": self._now,
            },
        )


def hash_of(text: str | None) -> str:
    """SHA-256 of stored annotation data."""
    return hashlib.sha256((text or "").encode()).hexdigest()


def _checked(raw: bytes, schema: ClassSchema) -> tuple[str, float | None]:
    """The compact text of annotation data, and the mean confidence of annotations that have one."""
    if b"\\u0000" in raw:
        raise ValidationProblem.of_field("data", "NUL characters are not allowed.")
    checked = check_annotation_text(raw, schema)
    scores = [found.score for found in checked.annotations if found.score is not None]
    try:
        # In the one spelling that stored data has: scans pass it on line by line, and exports number by number.
        text = msgspec.json.encode(msgspec.json.decode(raw)).decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ValidationProblem.of_field("data", "is no UTF-8 text.") from exc
    return text, sum(scores) / len(scores) if scores else None


def _is_begun(status: str, data: str | None) -> bool:
    return data is not None and status != WorkStatus.PENDING


def _file_of(run: PreAnnotationRun, row: Row) -> UnitFile | None:
    return next((file for file in row.files if file.specification == run.specification), None)


def _source_of(run: PreAnnotationRun, row: Row) -> str:
    file = _file_of(run, row)
    return file.sha256 if file else ""


def _inline(call: Call, files: Iterable[UnitFile]) -> dict[str, bytes]:
    """Contents of small files by SHA-256; what cannot be read here is left to the file's own link."""
    roots: dict[int, Any] = {}
    contents: dict[str, bytes] = {}
    left = MAX_INLINE_PAGE_BYTES
    for file in files:
        if file.sha256 in contents or file.size_bytes > min(MAX_INLINE_FILE_BYTES, left):
            continue
        try:
            if file.storage_id not in roots:
                roots[file.storage_id] = root_of(call.session, file.storage_id)
            root = roots[file.storage_id]
            content = _place_of(root, file).read_bytes()
        except (OSError, Problem, StorageError):
            continue
        if hashlib.sha256(content).hexdigest() == file.sha256:
            contents[file.sha256] = content
            left -= len(content)
    return contents


def _place_of(root: Path, file: UnitFile) -> Path:
    """Where a file lies. A path that was made from its content leads nowhere else, and needs no look at the disk."""
    return root / file.path if file.path == path_of_content(file.sha256) else object_at(root, file.path)
