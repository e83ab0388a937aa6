"""Telling that there is nothing to do for the price of one small request: neither side has changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from synapse_sdk.clients.components import ComponentClient
from web_helper.middleend.local_tree import LocalTree, Settled
from web_helper.middleend.sync_plan import SyncAction
from web_helper.middleend.sync_records import SyncResult
from web_helper.middleend.sync_run import SyncRun
from web_helper.middleend.tree_watch import TreeWatch


@dataclass(frozen=True)
class _Resident:
    """What was found the last time, and whether it still holds."""

    settled: Settled
    hashes: dict[str, str]
    watch: TreeWatch


class QuickPass:
    """A process that stays asks the kernel what was touched; a new one looks at every file's times once."""

    def __init__(self, client: ComponentClient, tree: LocalTree, server_url: str) -> None:
        self._client, self._tree, self._server_url = client, tree, server_url
        self._resident: _Resident | None = None
        # After `find` found none: what the server has changed, when nothing else was touched since; None when it was.
        self.changed_there: list[str] | None = None

    def find(self, key: str, list_more: Callable[[], Iterable[str]] = tuple) -> SyncResult | None:
        """What synchronising this again would find, if that is nothing to do.

        Args:
            key: What is synchronised, and how.
            list_more: Components that would be looked at besides those of the last time.

        Raises:
            ClientError: The server could not be asked.
        """
        found = self._resident
        if found is None or found.settled.key != key or not found.watch.is_quiet():
            found = self._look_again(key, list_more)
        self.changed_there = None
        if found is None or not found.settled.server.startswith(self._name("")):
            return None
        since = found.settled.server.removeprefix(self._name(""))
        state, self.changed_there = self._client.get_state(since)
        if state != since:
            return None
        return SyncResult(skipped=[*found.hashes], component_hashes=dict(found.hashes))

    def note(self, key: str, run: SyncRun, *, is_rest_settled: bool) -> None:
        """Remember a synchronisation that was carried out: of everything, or of `changed_there` alone.

        Then its result tells of the rest too.
        """
        before: dict[str, str | None] = {}
        if is_rest_settled and self._resident is not None:
            rest = {path: short for path, short in self._resident.hashes.items() if path not in run.states}
            run.result.skipped += rest
            run.result.component_hashes |= rest
            before = self._resident.settled.digests
        if run.is_settled:
            # What the run has left here, not what lies here now: an edit that has landed since is not settled.
            digests = {
                path: state.server if run.actions[path] is SyncAction.DOWNLOAD else state.local
                for path, state in run.states.items()
            }
            self._tree.note_settled(Settled(key, self._name(run.offer.state), before | digests))

    def close(self) -> None:
        """Stop watching."""
        if self._resident is not None:
            self._resident.watch.close()
            self._resident = None

    def _look_again(self, key: str, list_more: Callable[[], Iterable[str]]) -> _Resident | None:
        self.close()
        settled = self._tree.read_settled()
        if settled is None or settled.key != key:
            return None
        # From before the look: what is touched while it lasts is seen by one of the two.
        watch = TreeWatch(self._tree.root)
        looks = self._tree.look(dict.fromkeys([*settled.digests, *list_more()]))
        if {path: None if look is None else look.sha256 for path, look in looks.items()} != settled.digests:
            watch.close()
            return None
        self._tree.keep_looks()
        hashes = {path: look.hash for path, look in looks.items() if look is not None}
        self._resident = _Resident(settled, hashes, watch)
        return self._resident

    def _name(self, state: str) -> str:
        return f"{self._server_url} {state}"
