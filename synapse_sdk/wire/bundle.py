"""The raw export bundle: `{prefix}/{tasks|assignments|ground_truths}.jsonl`, files, and `manifest.json` written last.

Rows ascend by id and are complete lines of JSON. A reader refuses a bundle whose manifest is missing or does not match
(architecture, decision 6; seed 000, "bundle-read 계약").
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from synapse_sdk.wire.errors import ResponseMeta

MAX_BULK_IDS = 200
MANIFEST_NAME = "manifest.json"
BUNDLE_SCHEMA_VERSION = 1
# Another number, so that a reader which does not know deltas refuses one instead of taking it for everything.
DELTA_SCHEMA_VERSION = 2
DELETIONS_NAME = "deletions.jsonl"


class ExportTarget(StrEnum):
    """What is exported."""

    ASSIGNMENT = "assignment"
    GROUND_TRUTH = "ground_truth"
    TASK = "task"


BUNDLE_STEMS: dict[ExportTarget, str] = {
    ExportTarget.ASSIGNMENT: "assignments",
    ExportTarget.GROUND_TRUTH: "ground_truths",
    ExportTarget.TASK: "tasks",
}


class RowFile(BaseModel):
    """One file of a row, under its specification's name.

    Attributes:
        url: Where the file can be fetched; stable (not signed) in a bundle, presigned in a bulk answer.
        bundle_path: Path of the copy inside the bundle, relative to its prefix; None when files are by reference.
    """

    file_name_original: str
    url: str
    bundle_path: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    is_primary: bool = False


class RowDataUnit(BaseModel):
    """The data unit that a row annotates; sizes in pixels."""

    id: int
    name: str
    width: int | None = None
    height: int | None = None


class ExportRow(BaseModel):
    """One line of a bundle, and one element of a bulk answer: the same fields from the same query.

    Attributes:
        data: Annotation data (`synapse_sdk.wire.annotations.AnnotationData`) or None. In a bulk answer, when it is
            large and `response_mode` says so, `{mode: "presigned", presigned_url, expires_at, size_bytes, sha256}`
            in its place, whose URL needs no token.
    """

    id: int
    data: JsonValue = None
    data_unit: RowDataUnit | None = None
    tags: list[str] = []
    files_manifest: dict[str, RowFile] = {}


class StreamEnd(BaseModel):
    """The end of a stream: how many rows this connection gave."""

    rows: int


class ExportStreamLine(BaseModel):
    """One line of `GET /v2/exports/stream/`: a row, or the end, which every complete stream has.

    Attributes:
        token: Value for `after`, to take the stream up behind this line.
    """

    token: str
    row: ExportRow | None = None
    end: StreamEnd | None = None


class BundlePart(BaseModel):
    """One JSONL file of the bundle."""

    path: str
    rows: int
    size_bytes: int
    sha256: str


class BundleManifest(BaseModel):
    """`manifest.json`: present only when the bundle is complete.

    Attributes:
        row_count: Rows in all parts.
        file_count: Files under `files/`, each content once.
        missing_files: File entries of rows without `bundle_path`, because their bytes were missing or wrong.
        snapshot: Mark of the moment that the rows show; `since` of a later request takes it. None in older bundles.
        since: The mark from which a delta tells what changed; None is a bundle of everything.
        deletions: A delta's list of ids that must go, one `{"id": …}` a line; None in a bundle of everything.
    """

    schema_version: int = BUNDLE_SCHEMA_VERSION
    target: ExportTarget
    filter: dict[str, JsonValue]
    project: int | None = None
    row_count: int
    file_count: int
    missing_files: int = 0
    parts: list[BundlePart]
    snapshot: str | None = None
    since: str | None = None
    deletions: BundlePart | None = None


class ResponseMode(StrEnum):
    """How a bulk answer carries large annotation data: in the row, or as a URL of its own."""

    INLINE = "inline"
    PRESIGNED = "presigned"


class BulkRequest(BaseModel):
    """Body of the four bulk paths."""

    model_config = ConfigDict(extra="forbid")

    ids: list[int] = Field(min_length=1, max_length=MAX_BULK_IDS)
    response_mode: ResponseMode = ResponseMode.INLINE


class BulkMeta(ResponseMeta):
    """Facts about a bulk answer: the ids that do not exist, or that the caller may not see."""

    missing_ids: list[int]


class BulkAnswer(BaseModel):
    """The rows that were asked for, ascending by id."""

    data: list[ExportRow]
    meta: BulkMeta
