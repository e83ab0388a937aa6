"""Component versions as `/api/components` shows them: bodies and answers, in the envelope of that API.

A `hash` is the xxh3_64 of the bytes, 16 hexadecimal digits. Wherever one is sent, the SHA-256 may stand instead.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, Field, StringConstraints

from synapse_sdk.wire.work import Request

T = TypeVar("T")

ACTIVE = "active"
MAX_CHANGES = 20_000
# Named like a branch: `active`, `stable`, `paper-2026`.
Alias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Hash = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{16}([0-9a-fA-F]{48})?$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
ExperimentUid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:-]{0,199}$")]


class ComponentMeta(BaseModel):
    """Facts about the answer itself."""

    message: str
    timestamp: datetime
    version: str = "1.0"


class ComponentEnvelope(BaseModel, Generic[T]):
    """Every answer of `/api/components` that is no error."""

    data: T
    meta: ComponentMeta


class ComponentSummary(BaseModel):
    """A component, without its versions. `active_hash` is None when none is active."""

    path: str
    category: str
    name: str
    active_hash: str | None
    version_count: int
    updated_at: datetime


class ComponentVersion(BaseModel):
    """One version. `content` is None where it was not asked for."""

    hash: str
    path: str
    category: str
    name: str
    is_active: bool
    created_at: datetime
    content: str | None


class ComponentUpload(Request):
    """Body of `POST /versions/upload`."""

    path: str
    content: str
    activate: bool = True
    reason: Reason = ""


class ComponentUploaded(BaseModel):
    """Answer to an upload; `is_new` is False when the path had this content already."""

    hash: str
    path: str
    category: str
    name: str
    is_new: bool
    is_active: bool


class ComponentActivate(Request):
    """Body of `POST /versions/activate`. `path` is needed when the same content is at several paths."""

    hash: Hash
    path: str | None = None
    reason: Reason = ""


class ComponentDiffRequest(Request):
    """Body of `POST /versions/diff`. `path` is needed when a hash alone does not say which content is meant."""

    from_hash: Hash
    to_hash: Hash
    path: str | None = None


class ComponentDiff(BaseModel):
    """Two versions beside each other; `path` is the second one's."""

    from_hash: str
    to_hash: str
    from_content: str
    to_content: str
    path: str


class ComponentScan(BaseModel):
    """How many versions a scan has added."""

    registered: int


class ComponentChange(Request):
    """One file of a change set: new content, or a version that is there, and the aliases that shall point to it.

    Attributes:
        expected: What every alias must point to now, None for nothing; left out, it is not checked.
    """

    path: str
    content: str | None = None
    hash: Hash | None = None
    # A tuple: a default that may change would be copied for each of thousands.
    aliases: tuple[Alias, ...] = Field((ACTIVE,), max_length=16)
    expected: Hash | None = None


class ComponentChangeSet(Request):
    """Body of `POST /changes`: all of it is done, or nothing."""

    changes: list[ComponentChange] = Field(min_length=1, max_length=MAX_CHANGES)
    reason: Reason = ""


class ComponentRollback(Request):
    """Body of `POST /rollback`: the version that was active before, for each of these paths."""

    paths: list[str] = Field(min_length=1, max_length=MAX_CHANGES)
    reason: Reason = ""


class ComponentUndo(Request):
    """Body of `POST /changes/{id}/rollback`."""

    reason: Reason = ""


class ComponentActivateSet(Request):
    """Body of `POST /changes/{id}/activate`: what that change set pointed an alias to, `alias` shall point to.

    Attributes:
        expected: The newest change set that the caller knows of; refused when a later one has moved `alias` at one of
            these paths. Left out, it is not checked.
    """

    alias: Alias = ACTIVE
    expected: int | None = Field(None, ge=0, lt=2**63)
    reason: Reason = ""


class ComponentSetActivated(BaseModel):
    """Answer to activating a change set: the new one, None when there was nothing to change, and how many it moved."""

    id: int | None
    moved: int


class ChangeSetKind(StrEnum):
    """What made a change set."""

    UPLOAD = "upload"
    ACTIVATE = "activate"
    CHANGE = "change"
    SCAN = "scan"
    ROLLBACK = "rollback"


class AliasChange(BaseModel):
    """An alias that was moved; None stands for no version."""

    path: str
    alias: str
    from_hash: str | None
    to_hash: str | None


class ComponentChangeRecord(BaseModel):
    """One change set of the past: who, when and why. `id` is None when there was nothing to change."""

    id: int | None
    kind: ChangeSetKind
    reason: str
    user: str | None
    created_at: datetime | None
    registered: int
    changes: list[AliasChange]


class ComponentAlias(BaseModel):
    """Where an alias of a component points to."""

    path: str
    alias: str
    hash: str
    updated_at: datetime


class VersionMove(BaseModel):
    """An alias that came to a version: when, by whom and why."""

    alias: str
    change_set_id: int
    kind: ChangeSetKind
    reason: str
    user: str | None
    moved_at: datetime


class VersionStory(BaseModel):
    """One version as its history tells it.

    Attributes:
        aliases: What points to it now.
        added_by: Who brought it; `kind` and `reason` say how and why.
        moves: Every time that an alias came to it, the newest first.
        experiment_count: How many experiments ran with it.
    """

    hash: str
    sha256: str
    is_active: bool
    aliases: list[str]
    created_at: datetime
    added_by: str | None
    kind: ChangeSetKind
    reason: str
    moves: list[VersionMove]
    experiment_count: int


class VersionUse(BaseModel):
    """An experiment that ran with a version; name and status are None where the server only knows its manifest."""

    experiment_uid: str
    name: str | None
    status: str | None
    recorded_at: datetime


class ComponentManifest(BaseModel):
    """The versions that an experiment ran with; it never changes."""

    experiment_uid: str
    components: dict[str, str]
    created_at: datetime


class ComponentManifestSaved(BaseModel):
    """Answer to saving a manifest."""

    experiment_uid: str
    component_count: int


class ComponentNegotiation(Request):
    """Body of `POST /sync`: what a worker has and what it needs.

    Attributes:
        have: SHA-256 of the local bytes, by path.
        need: The components that are wanted; None stands for all that the alias names, and all that the worker has.
        follow_imports: Whether what the needed components import is wanted too.
        alias: Which version of each.
        pinned: Versions that are wanted instead of the alias's: those of a manifest.
        with_contents: False asks only what would change.
    """

    have: dict[str, Sha256] = Field({}, max_length=MAX_CHANGES)
    need: list[str] | None = Field(None, max_length=MAX_CHANGES)
    follow_imports: bool = True
    alias: Alias = ACTIVE
    pinned: dict[str, Hash] = Field({}, max_length=MAX_CHANGES)
    with_contents: bool = True


class OfferedVersion(BaseModel):
    """A version that differs from what the worker has."""

    hash: str
    sha256: str


class UnresolvedImport(BaseModel):
    """Something that is needed and nowhere, with the file and line that need it; `path` where that can be told."""

    origin: str
    line: int
    reason: str
    path: str | None = None


class ComponentOffer(BaseModel):
    """Answer to a negotiation. What is needed and not named here is as the worker has it.

    Attributes:
        versions: The versions that differ, or that the worker lacks, by path.
        contents: Their contents, each once, by SHA-256.
        known: Paths whose local content differs and is in the store too, as another version of the same path: no edit.
        needed: Paths that imports have added to those that were asked for.
        missing: Paths that were asked for and have no such version.
        unresolved: Imports that lead nowhere.
        state: The store's state that this answer was read from, or an older one.
    """

    versions: dict[str, OfferedVersion]
    contents: dict[str, str]
    known: list[str]
    needed: list[str]
    missing: list[str]
    unresolved: list[UnresolvedImport]
    state: str


class StoreState(BaseModel):
    """Names what the store holds: as long as it is the same, so is the answer to every negotiation.

    Attributes:
        changed: Paths at which an alias was moved since the state that was asked about; None when that cannot be told.
    """

    state: str
    changed: list[str] | None
