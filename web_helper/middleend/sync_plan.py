"""What becomes of one component: from what lies here, what the server wants, and what they last had in common.

One table, `ACTIONS`, read by the manager and by the documentation's tests. Nothing here touches a file or the network.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class SyncStrategy(StrEnum):
    """Who wins when server and working tree differ."""

    SERVER_AUTHORITATIVE = "server_authoritative"
    LOCAL_PRIORITY = "local_priority"
    INTERACTIVE = "interactive"
    DRY_RUN = "dry_run"


class ConflictType(StrEnum):
    """How server and working tree differ about a component."""

    SERVER_ONLY = "server_only"
    SERVER_NEWER = "server_newer"
    LOCAL_NEWER = "local_newer"
    LOCAL_ONLY = "local_only"
    BOTH_CHANGED = "both_changed"


class ConflictResolution(StrEnum):
    """What a person decides about a conflict."""

    USE_SERVER = "use_server"
    USE_LOCAL = "use_local"
    SKIP = "skip"
    PENDING = "pending"


class SyncAction(StrEnum):
    """What is done about it."""

    DOWNLOAD = "download"
    UPLOAD = "upload"
    ASK = "ask"
    KEEP = "keep"
    REPORT = "report"


class ComponentState(msgspec.Struct, frozen=True, gc=False):
    """One component, by the SHA-256 of its bytes; None where there is none.

    Attributes:
        local: In the working tree.
        server: What the server says it should be.
        base: What the two last had in common.
        is_known: The server has the local bytes as some version of this component.
    """

    local: str | None
    server: str | None
    base: str | None = None
    is_known: bool = False


_DOWNLOAD, _UPLOAD, _ASK, _KEEP = SyncAction.DOWNLOAD, SyncAction.UPLOAD, SyncAction.ASK, SyncAction.KEEP

ACTIONS: dict[SyncStrategy, dict[ConflictType, SyncAction]] = {
    SyncStrategy.SERVER_AUTHORITATIVE: {
        ConflictType.SERVER_ONLY: _DOWNLOAD,
        ConflictType.SERVER_NEWER: _DOWNLOAD,
        ConflictType.LOCAL_NEWER: _DOWNLOAD,
        ConflictType.BOTH_CHANGED: _DOWNLOAD,
        ConflictType.LOCAL_ONLY: _KEEP,
    },
    SyncStrategy.LOCAL_PRIORITY: {
        ConflictType.SERVER_ONLY: _DOWNLOAD,
        ConflictType.SERVER_NEWER: _DOWNLOAD,
        ConflictType.LOCAL_NEWER: _UPLOAD,
        ConflictType.BOTH_CHANGED: _UPLOAD,
        ConflictType.LOCAL_ONLY: _UPLOAD,
    },
    SyncStrategy.INTERACTIVE: {
        ConflictType.SERVER_ONLY: _DOWNLOAD,
        ConflictType.SERVER_NEWER: _DOWNLOAD,
        ConflictType.LOCAL_NEWER: _ASK,
        ConflictType.BOTH_CHANGED: _ASK,
        ConflictType.LOCAL_ONLY: _UPLOAD,
    },
    SyncStrategy.DRY_RUN: dict.fromkeys(ConflictType, SyncAction.REPORT),
}

RESOLVED: dict[ConflictResolution, SyncAction] = {
    ConflictResolution.USE_SERVER: _DOWNLOAD,
    ConflictResolution.USE_LOCAL: _UPLOAD,
    ConflictResolution.SKIP: _KEEP,
    ConflictResolution.PENDING: _ASK,
}


def classify(state: ComponentState) -> ConflictType | None:
    """How the two sides differ; None when they do not, or when neither has it.

    What the server knows already is no edit: its version there can be had again at any time.
    """
    if state.local == state.server:
        return None
    if state.local is None:
        return ConflictType.SERVER_ONLY
    if state.server is None:
        return ConflictType.LOCAL_ONLY
    if state.is_known or state.local == state.base:
        return ConflictType.SERVER_NEWER
    return ConflictType.BOTH_CHANGED if state.base not in (None, state.server) else ConflictType.LOCAL_NEWER


def decide(state: ComponentState, strategy: SyncStrategy) -> SyncAction | None:
    """What a strategy does about it; None when there is nothing to do."""
    conflict = classify(state)
    if conflict is None:
        return None
    action = ACTIONS[strategy][conflict]
    # The server has these bytes and somebody took them out of use: uploading would bring them back.
    if action is SyncAction.UPLOAD and conflict is ConflictType.LOCAL_ONLY and state.is_known:
        return SyncAction.KEEP
    return action


def has_unsaved_edit(state: ComponentState) -> bool:
    """Whether the local bytes are nowhere on this server, so that a copy is kept before they make way.

    What was once in common may be on another server only, or on none any more.
    """
    return state.local is not None and not state.is_known and state.local != state.server
