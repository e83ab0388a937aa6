"""Items of the v2 API: plain dicts with known keys. Lists answer slim items; `retrieve` adds the keys marked detail."""

# No `from __future__ import annotations`: a TypedDict would compile each field's text, a tenth of a command's start.

from typing import Any, TypedDict


class IdentifiedItem(TypedDict):
    """What almost every item has."""

    id: int
    created: str


class UserItem(IdentifiedItem):
    """A person."""

    email: str
    name: str
    is_admin: bool
    is_active: bool


class TokenItem(IdentifiedItem, total=False):
    """`key` is answered once, when the token is made; `session_of` names the token that a browser's session is of."""

    user_id: int
    name: str
    prefix: str
    scopes: list[str]
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    session_of: int | None
    key: str


class MemberItem(IdentifiedItem):
    """A user's role in a project."""

    project_id: int
    user_id: int
    role: str


class ProjectItem(IdentifiedItem):
    """What a team labels, and with which classes."""

    name: str
    description: str
    data_collection_id: int | None
    configuration: dict[str, Any]


class TaskItem(IdentifiedItem, total=False):
    """Detail: `data`, `data_unit`, `files`, `tags`, `meta`."""

    project_id: int
    data_unit_id: int
    status: str
    is_discarded: bool
    data: Any
    data_unit: dict[str, Any]
    files: dict[str, Any]
    tags: list[str]
    meta: dict[str, Any]


class AssignmentItem(IdentifiedItem, total=False):
    """Detail: `data`, `data_unit`, `files`, `tags`."""

    project_id: int
    task_id: int
    user_id: int | None
    reviewer_id: int | None
    status_label: str
    status_review: str
    is_confirmed: bool
    is_discarded: bool
    data: Any
    data_unit: dict[str, Any]
    files: dict[str, Any]
    tags: list[str]


class ReviewItem(IdentifiedItem):
    """What a reviewer decided about an assignment."""

    assignment_id: int
    reviewer_id: int | None
    status: str
    comment: str


class TagItem(TypedDict):
    """A label on tasks and assignments."""

    id: int
    project_id: int
    name: str


class DataCollectionItem(IdentifiedItem, total=False):
    """A set of data units with the same files."""

    name: str
    description: str
    created_by_id: int | None
    file_specifications: list[dict[str, Any]]


class DataUnitItem(IdentifiedItem, total=False):
    """What one annotation is about: usually one image; files by specification, with signed URLs."""

    data_collection_id: int
    key: str | None
    name: str
    width: int | None
    height: int | None
    meta: dict[str, Any]
    files: dict[str, Any]


class DataFileItem(IdentifiedItem, total=False):
    """Bytes in a storage; `url` is signed, and None until the bytes are there."""

    storage_id: int
    sha256: str
    size_bytes: int
    status: str
    url: str | None


class StorageItem(IdentifiedItem):
    """A place for files; secrets are masked unless asked for by who may see them."""

    name: str
    category: str
    provider: str
    configuration: dict[str, Any]
    is_default: bool


class GroundTruthDatasetItem(IdentifiedItem):
    """A named set of ground truths."""

    project_id: int
    name: str
    description: str


class GroundTruthVersionItem(IdentifiedItem):
    """A released state of a data set; it never changes."""

    dataset_id: int
    name: str
    description: str
    event_count: int


class GroundTruthItem(IdentifiedItem, total=False):
    """Detail: `data`, `data_unit`, `files`."""

    dataset_id: int
    data_unit_id: int
    data: Any
    data_unit: dict[str, Any]
    files: dict[str, Any]


class GroundTruthEventItem(TypedDict, total=False):
    """The unique key is `pgh_id`. Detail: `data`, `data_unit`, `files`."""

    pgh_id: int
    pgh_label: str
    pgh_created: str
    ground_truth_id: int
    dataset_id: int
    data_unit_id: int
    data: Any
    data_unit: dict[str, Any]
    files: dict[str, Any]


class PluginItem(IdentifiedItem):
    """A plugin by its code."""

    code: str
    name: str
    category: str
    description: str


class PluginReleaseItem(IdentifiedItem, total=False):
    """One version of a plugin; `url` fetches its archive, signed."""

    plugin_id: int
    plugin_code: str
    version: str
    config: dict[str, Any]
    sha256: str
    is_debug: bool
    url: str | None


class JobItem(TypedDict, total=False):
    """One run of a plugin's action; `id` is a UUID, `status` upper case, `exit_kind` and `error` say how it ended."""

    id: str
    plugin_release_id: int | None
    plugin_code: str | None
    version: str | None
    agent_id: int | None
    user_id: int | None
    action: str
    params: dict[str, Any]
    status: str
    progress_record: dict[str, Any]
    metrics_record: dict[str, Any]
    result: Any
    error: str | None
    exit_kind: str | None
    exit_code: int | None
    stop_requested_at: str | None
    created: str
    started: str | None
    finished: str | None


class JobLogItem(TypedDict, total=False):
    """One structured event of a run."""

    id: int
    job_id: str
    uid: str | None
    event: str
    level: str | None
    step: str | None
    data: Any
    file: str | None
    datetime: str


class ModelItem(IdentifiedItem, total=False):
    """A trained model; `url` fetches its weights, signed, and `sha256` is theirs."""

    name: str
    plugin_release_id: int | None
    data_file_id: int | None
    version: str
    metadata: dict[str, Any]
    url: str | None
    sha256: str | None


class AgentItem(IdentifiedItem, total=False):
    """`token` is answered once, when the agent is registered."""

    name: str
    url: str
    status: str
    capacity: dict[str, Any]
    last_seen_at: str | None
    token: str
