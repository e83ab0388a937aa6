"""Keeps a worker's components as the server has them (`ComponentManager`); one negotiation, one answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ClientError, ComponentError
from synapse_sdk.utils.auth import load_credentials, read_env
from web_helper.middleend.config_needs import ConfigNeeds, find_needs, follow_local
from web_helper.middleend.local_tree import LocalTree
from web_helper.middleend.quick_pass import QuickPass
from web_helper.middleend.sync_plan import ConflictResolution, ConflictType, SyncAction, SyncStrategy
from web_helper.middleend.sync_records import SyncConflict, SyncResult
from web_helper.middleend.sync_run import Offer, SyncRun

__all__ = ["ComponentManager", "ConflictResolution", "ConflictType", "SyncConflict", "SyncResult", "SyncStrategy"]

ENV_API_KEY = "CVLABKIT_API_KEY"
# Instead of a config's digest, which no digest is.
EVERYTHING = "*"
ConflictCallback = Callable[[SyncConflict], ConflictResolution | str]
_log = logging.getLogger(__name__)


class ComponentManager:
    """Synchronises the components of a working tree.

    Args:
        server_url: Address of the server.
        base_path: Folder that holds `cvlabkit`.
        api_key: A `syn_…` key; else `CVLABKIT_API_KEY`, else what other commands would use for this server.
        sync_strategy: Who wins when the two sides differ.
        conflict_callback: Asked about each conflict when the strategy is INTERACTIVE; without one they stay pending.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `server_url` is not an http(s) address.
    """

    def __init__(
        self,
        server_url: str,
        base_path: Path | str = Path(),
        api_key: str | None = None,
        sync_strategy: SyncStrategy | str = SyncStrategy.INTERACTIVE,
        *,
        conflict_callback: ConflictCallback | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        key = api_key or read_env().get(ENV_API_KEY) or load_credentials(host=server_url).access_token
        self.client = ComponentClient(server_url, key, transport=transport)
        self.tree = LocalTree(Path(base_path))
        self._quick = QuickPass(self.client, self.tree, server_url)
        self.sync_strategy = SyncStrategy(sync_strategy)
        self.conflict_callback = conflict_callback

    def sync_from_version_store(self, config_path: Path | str, force: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - the documented signature
        """Bring what a config needs up to date.

        With `force` the server wins, and copies of local edits are kept; else an edit that nobody decided about fails.

        Returns:
            `synced`, `skipped`, `failed`, `component_hashes`, and `errors` with the reasons.
        """
        strategy = SyncStrategy.SERVER_AUTHORITATIVE if force else self.sync_strategy
        result = self.sync_with_strategy(config_path, strategy)
        for conflict in result.conflicts:
            result.fail(conflict.path, f"{conflict.conflict_type}: nobody has decided about it yet.")
        return {
            "synced": [*result.synced, *result.uploaded],
            "skipped": [*result.skipped],
            "failed": result.failed,
            "component_hashes": {**result.component_hashes},
            "errors": result.errors,
        }

    def sync_with_strategy(self, config_path: Path | str, strategy: SyncStrategy | str | None = None) -> SyncResult:
        """Bring what a config needs up to date, imports included.

        Raises:
            ComponentError: Something that is needed is nowhere; file and line are named. Nothing was changed.
            ClientError: The server could not be asked.
        """
        chosen = self.sync_strategy if strategy is None else SyncStrategy(strategy)
        config = Path(config_path)

        def plan() -> SyncRun:
            needs = find_needs(config, self.tree.read)
            run = self._plan_needs(needs, chosen)
            _require_all(needs, run)
            return run

        return self._synchronise(chosen, sha256_of(config.read_bytes()), plan)

    def sync_all(self, strategy: SyncStrategy | str | None = None) -> SyncResult:
        """Bring every component up to date: all that is active on the server, and what is only here.

        Raises:
            ClientError: The server could not be asked.
        """
        chosen = self.sync_strategy if strategy is None else SyncStrategy(strategy)

        def plan() -> SyncRun:
            changed, told = self._quick.changed, self._quick.find_offer()
            if told is not None:
                digests, answer = told
                return SyncRun(self.client, self.tree, digests, Offer.of(answer, {}, list(digests)), strategy=chosen)
            digests = self._digests_of(self.tree.list_paths() if changed is None else changed)
            offer = self._negotiate(digests, everything=changed is None, follow=False)
            lacking: dict[str, str | None] = dict.fromkeys(offer.versions)
            return SyncRun(self.client, self.tree, lacking | digests, offer, strategy=chosen)

        return self._synchronise(chosen, EVERYTHING, plan)

    def resolve_pending_conflicts(
        self, result: SyncResult, resolutions: Mapping[str, ConflictResolution | str]
    ) -> SyncResult:
        """Carry out what was decided about conflicts of an earlier synchronisation.

        Returns:
            What was done now; conflicts without a decision are pending in it.
        """
        pending = [conflict for conflict in result.conflicts if not conflict.resolved]
        decided = {path: ConflictResolution(each) for path, each in resolutions.items()}
        with self._exclusive():
            digests = self._digests_of([conflict.path for conflict in pending])
            offer = self._negotiate(digests, follow=False)
            run = SyncRun(self.client, self.tree, digests, offer, strategy=SyncStrategy.INTERACTIVE)
            run.ask(lambda conflict: decided.get(conflict.path, ConflictResolution.PENDING))
            outcome = run.carry_out()
        waiting = {conflict.path for conflict in outcome.conflicts}
        for conflict in pending:
            conflict.resolution = decided.get(conflict.path, ConflictResolution.PENDING)
            conflict.resolved = conflict.path not in waiting and conflict.path not in outcome.failed
        return outcome

    def restore_from_manifest(self, uid: str) -> dict[str, Any]:
        """Put the versions in place that an experiment ran with; a copy is kept of each edit that makes way.

        Returns:
            `synced`, `failed`, `errors` with the reasons, and `kept`: where those copies lie.

        Raises:
            ClientError: There is no such manifest, or the server could not be asked.
        """
        pinned = self.client.get_manifest(uid)
        with self._exclusive():
            digests = self._digests_of(list(pinned))
            offer = self._negotiate(digests, follow=False, pinned=pinned)
            run = SyncRun(self.client, self.tree, digests, offer, strategy=SyncStrategy.SERVER_AUTHORITATIVE)
            result = run.carry_out()
        return {
            "synced": [*result.synced, *result.skipped],
            "failed": result.failed,
            "errors": result.errors,
            "kept": result.kept,
        }

    def verify(self, uid: str | None = None) -> dict[str, str]:
        """Read every file and compare it with the server's active versions, or with what an experiment ran with.

        Returns:
            What differs: `missing`, or `differs`, by path; a file that the server has no version for is `unknown`.

        Raises:
            ClientError: There is no such manifest, or the server could not be asked.
        """
        pinned = None if uid is None else self.client.get_manifest(uid)
        with self._exclusive():
            paths = self.tree.list_paths() if pinned is None else list(pinned)
            contents = {path: self.tree.read(parse_component_path(path)) for path in paths}
        digests = {path: None if content is None else sha256_of(content) for path, content in contents.items()}
        offer = self._negotiate(digests, everything=pinned is None, follow=False, pinned=pinned)
        wrong = {path: "missing" if digests.get(path) is None else "differs" for path in offer.versions}
        here = [path for path, digest in digests.items() if digest is not None]
        return wrong | {path: "unknown" for path in here if offer.server.get(path) is None}

    def save_experiment_manifest(self, uid: str, components: Mapping[str, str]) -> bool:
        """Keep the versions that an experiment runs with; False when the server refused, with a line in the log."""
        try:
            self.client.save_manifest(uid, components)
        except ClientError as exc:
            _log.warning("The manifest of %s was not kept: %s", uid, exc)
            return False
        return True

    def get_required_paths_from_config(self, config_path: Path | str) -> list[str]:
        """What a config names, and what the files here import in turn."""
        return list(find_needs(Path(config_path), self.tree.read).contents)

    def get_local_hashes(self, paths: Sequence[str]) -> dict[str, str]:
        """Short hashes of the files that are here."""
        looks = self.tree.look(str(parse_component_path(path)) for path in paths)
        return {path: look.hash for path, look in looks.items() if look is not None}

    def close(self) -> None:
        """Close the connections."""
        self._quick.close()
        self.client.close()

    def _digests_of(self, paths: Sequence[str]) -> dict[str, str | None]:
        looks = self.tree.look(str(parse_component_path(path)) for path in paths)
        return {path: None if look is None else look.sha256 for path, look in looks.items()}

    def _synchronise(self, strategy: SyncStrategy, what: str, plan: Callable[[], SyncRun]) -> SyncResult:
        if strategy is SyncStrategy.DRY_RUN:
            self._quick.changed = None
            return plan().carry_out()
        key = f"{strategy} {what}"
        with self._exclusive():
            found = self._quick.find(key, self.tree.list_paths if what == EVERYTHING else tuple)
            if found is not None:
                return found
            run = plan()
            run.ask(self._decide)
            result = run.carry_out()
            is_rest_settled = what == EVERYTHING and self._quick.changed is not None
            self._quick.note(key, run, is_rest_settled=is_rest_settled)
            return result

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with self.tree.lock():
            self.tree.recover()
            yield

    def _plan_needs(self, needs: ConfigNeeds, strategy: SyncStrategy) -> SyncRun:
        while True:
            digests = {path: None if text is None else sha256_of(text) for path, text in needs.contents.items()}
            offer = self._negotiate(digests)
            led_to = [*offer.versions, *self._only_here(offer)]
            more = [parse_component_path(path) for path in led_to if path not in needs.contents]
            follow_local(needs, more, self.tree.read)
            # Only a file that the server's imports have led to needs another round: its content was not told.
            if all(needs.contents[str(component)] is None for component in more):
                return SyncRun(
                    self.client, self.tree, dict.fromkeys(needs.contents) | digests, offer, strategy=strategy
                )

    def _only_here(self, offer: Offer) -> list[str]:
        """What the server's versions import and only this tree has."""
        wanted = [each["path"] for each in offer.unresolved if each["path"] is not None]
        return [path for path, digest in self._digests_of(wanted).items() if digest is not None]

    def _negotiate(
        self,
        digests: Mapping[str, str | None],
        *,
        everything: bool = False,
        follow: bool = True,
        pinned: Mapping[str, str] | None = None,
    ) -> Offer:
        have = {path: digest for path, digest in digests.items() if digest is not None}
        need = None if everything else list(digests)
        question = {"have": have, "need": need, "follow_imports": follow, "pinned": dict(pinned or {})}
        return Offer.of(self.client.fetch(question), have, list(digests))

    def _decide(self, conflict: SyncConflict) -> ConflictResolution:
        if self.conflict_callback is None:
            return ConflictResolution.PENDING
        return ConflictResolution(self.conflict_callback(conflict))


def _require_all(needs: ConfigNeeds, run: SyncRun) -> None:
    """Refuse to go on when something that will be imported is nowhere."""
    replaced = {path for path, action in run.actions.items() if action is SyncAction.DOWNLOAD}
    problems = needs.problems(run.available, replaced)
    problems += [
        f"{each['origin']}:{each['line']}: {each['reason']}"
        for each in run.offer.unresolved
        if each["path"] not in run.available and run.uses_server(each["origin"])
    ]
    if problems:
        raise ComponentError("\n".join(dict.fromkeys(problems)))
