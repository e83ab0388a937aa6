"""One synchronisation: decided for every component at once, then carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synapse_sdk.clients.components import ComponentClient, Contents, FetchedOffer
from synapse_sdk.components.digests import decode_component, sha256_of, short_hash
from synapse_sdk.components.local_tree import LINK_OUTSIDE
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import AuthorizationError, ComponentError, ConflictError, ValidationError
from synapse_sdk.wire.component_offer import HeadVersion
from synapse_sdk.wire.components import ACTIVE
from web_helper.middleend.local_tree import LocalTree
from web_helper.middleend.set_swap import Replacement
from web_helper.middleend.sync_plan import (
    RESOLVED,
    ComponentState,
    ConflictResolution,
    SyncAction,
    SyncStrategy,
    classify,
    decide,
    has_unsaved_edit,
)
from web_helper.middleend.sync_records import SyncConflict, SyncResult

EDITED_MEANWHILE = "The file was edited meanwhile and was left as it is; synchronise again."
_UNCHANGED = (None, SyncAction.KEEP, SyncAction.REPORT)


@dataclass(frozen=True)
class Offer:
    """What the server answered to what is here.

    Attributes:
        versions: SHA-256 and short hash of what differs, by path.
        contents: The bytes of those, by SHA-256.
        server: SHA-256 of what the server wants, for everything that was asked; None where it has nothing.
        known: Paths whose local bytes the server has too, as another version.
        unresolved: Imports of the server's versions that lead nowhere on the server.
        state: What names the server's state.
    """

    versions: Mapping[str, HeadVersion]
    contents: Contents
    server: Mapping[str, str | None]
    known: frozenset[str]
    unresolved: Sequence[Mapping[str, Any]]
    state: str

    @classmethod
    def of(cls, answer: FetchedOffer, have: Mapping[str, str], asked: Sequence[str]) -> Offer:
        """An answer of the server, to those who have and asked this."""
        for path in answer.versions:
            parse_component_path(path)
        server: dict[str, str | None] = {path: have.get(path) for path in asked}
        server |= dict.fromkeys(answer.missing)
        server |= {path: version.sha256 for path, version in answer.versions.items()}
        return cls(answer.versions, answer.contents, server, frozenset(answer.known), answer.unresolved, answer.state)


class SyncRun:
    """What will be done about each component, and doing it.

    Args:
        client: Where edits are uploaded to.
        tree: Where versions are put.
        digests: SHA-256 of everything that lies here and is needed; None where there is no file.
        offer: What the server says about it.
        strategy: Who wins.
    """

    def __init__(
        self,
        client: ComponentClient,
        tree: LocalTree,
        digests: Mapping[str, str | None],
        offer: Offer,
        *,
        strategy: SyncStrategy,
    ) -> None:
        self.client = client
        self.tree = tree
        self.offer = offer
        self.strategy = strategy
        bases = tree.bases_beside(digests, offer.server)
        self.states = {
            path: ComponentState(digest, offer.server.get(path), bases.get(path), path in offer.known)
            for path, digest in digests.items()
        }
        self.actions = {path: decide(state, strategy) for path, state in self.states.items()}
        # Of the same again, whatever anybody decides now.
        self._asks_nobody = not {SyncAction.ASK, SyncAction.REPORT} & set(self.actions.values())
        self.result = SyncResult()
        # The files that were put in place, as `file_swap.identity_of` knows them.
        self.written: Mapping[str, tuple[int, int, int] | None] = {}
        kinds = {path: classify(state) for path, state in self.states.items()}
        self.result.planned = {path: kind for path, kind in kinds.items() if kind is not None}

    @property
    def available(self) -> set[str]:
        """Components that are here or on the server."""
        return {path for path, state in self.states.items() if state.local or state.server}

    def uses_server(self, path: str) -> bool:
        """Whether the server's version will be what lies here."""
        return self.actions.get(path) in (None, SyncAction.DOWNLOAD)

    def ask(self, decide_about: Callable[[SyncConflict], ConflictResolution]) -> None:
        """Let somebody decide about every conflict; one that stays pending is in the result."""
        for path, action in self.actions.items():
            if action is SyncAction.ASK:
                conflict = self._conflict_of(path)
                conflict.resolution = decide_about(conflict)
                self.actions[path] = RESOLVED[conflict.resolution]
                if self.actions[path] is SyncAction.ASK:
                    self.result.conflicts.append(conflict)

    def carry_out(self) -> SyncResult:
        """Download as one set, upload as one set, and say what lies here now.

        Raises:
            ClientError: The server could not be reached.
            OSError: The disk refused.
        """
        self._download([path for path, action in self.actions.items() if action is SyncAction.DOWNLOAD])
        self._upload([path for path, action in self.actions.items() if action is SyncAction.UPLOAD])
        unchanged = [path for path, action in self.actions.items() if action in _UNCHANGED]
        self.result.skipped = [path for path in unchanged if self.states[path] != ComponentState(None, None)]
        if self.strategy is not SyncStrategy.DRY_RUN:
            same = {path: self.states[path].local for path in unchanged if self.actions[path] is None}
            self.tree.note_bases({path: digest for path, digest in same.items() if digest is not None})
        self._note_hashes()
        return self.result

    @property
    def is_settled(self) -> bool:
        """Whether the same again would find nothing to do, and nobody to ask."""
        return self._asks_nobody and not self.result.failed

    def _note_hashes(self) -> None:
        # What was put in place just now was checked before, and is what lay there in that moment.
        hashes = {path: self.offer.versions[path].hash for path in self.result.synced}
        waiting = {conflict.path for conflict in self.result.conflicts} | set(self.result.failed)
        looks = self.tree.look(sorted(set(self.states) - waiting - hashes.keys()))
        hashes |= {path: look.hash for path, look in looks.items() if look is not None}
        self.result.component_hashes = hashes

    def _download(self, paths: Sequence[str]) -> None:
        wanted = [
            Replacement(path, state.server, state.local, has_unsaved_edit(state))
            for path in paths
            if (state := self.states[path]).server is not None
        ]
        try:
            replaced = self.tree.replace(wanted, self.offer.contents)
        except ComponentError as exc:
            for path in paths:
                self.result.fail(path, str(exc))
            return
        self.result.synced += list(replaced.done)
        self.result.kept |= replaced.kept
        self.written = replaced.written
        for path in replaced.edited:
            self.result.fail(path, EDITED_MEANWHILE)

    def _upload(self, paths: Sequence[str]) -> None:
        changes = []
        for path in paths:
            component = parse_component_path(path)
            if self.tree.leads_outside(component):
                self.result.fail(path, LINK_OUTSIDE)
                continue
            content = self.tree.read(component)
            if content is None or sha256_of(content) != self.states[path].local:
                self.result.fail(path, EDITED_MEANWHILE)
                continue
            try:
                text = decode_component(content)
            except ComponentError as exc:
                self.result.fail(path, f"{exc}.")
                continue
            changes.append({"path": path, "content": text, "aliases": [ACTIVE], "expected": self.states[path].server})
        if not changes:
            return
        try:
            self.client.change(changes, reason="synchronised from a worker")
        except (ConflictError, AuthorizationError, ValidationError) as exc:
            for change in changes:
                self.result.fail(str(change["path"]), f"The server refused the upload: {exc.reason}")
            return
        done = [str(change["path"]) for change in changes]
        self.tree.note_bases({path: self.states[path].local or "" for path in done})
        self.result.uploaded += done

    def _conflict_of(self, path: str) -> SyncConflict:
        content, version = self.tree.read(parse_component_path(path)), self.offer.versions.get(path)
        return SyncConflict(
            path,
            None if content is None else short_hash(content),
            None if version is None else version.hash,
            self.result.planned[path],
            None if content is None else content.decode("utf-8", "replace"),
        )
