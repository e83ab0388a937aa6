"""Telling that there is nothing to do for the price of one small request: neither side has changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import msgspec

from synapse_sdk.clients.components import ComponentClient, FetchedOffer, StoreNews
from web_helper.middleend.local_tree import LocalTree, Settled
from web_helper.middleend.stat_index import Listing
from web_helper.middleend.sync_plan import SyncAction
from web_helper.middleend.sync_records import SyncResult
from web_helper.middleend.sync_run import SyncRun
from web_helper.middleend.tree_watch import TreeWatch


@dataclass
class _Resident:
    """What was found the last time, and what has been touched since.

    Attributes:
        watch: None in a process that has come for the first time: it may not come again, and watching is not free.
        touched: Components that may differ from `settled`; None before anybody has looked.
        is_kept: Whether the next process will find it.
        written: The files that this process has put in place since, as `file_swap.identity_of` knows them.
    """

    settled: Settled
    watch: TreeWatch | None
    touched: set[str] | None = None
    is_kept: bool = True
    written: dict[str, tuple[int, int, int] | None] = field(default_factory=dict)
    _same: tuple[Settled, list[str], dict[str, str]] | None = None

    def tell(self) -> SyncResult:
        """That there is nothing to do: to copy ten thousand names would take as long as finding that out."""
        if self._same is None or self._same[0] is not self.settled:
            self._same = self.settled, [*self.settled.hashes], dict(self.settled.hashes)
        _, skipped, hashes = self._same
        return SyncResult(skipped=skipped, component_hashes=hashes)


class QuickPass:
    """A process that stays asks the kernel what was touched; a new one has every file's times listed once."""

    def __init__(self, client: ComponentClient, tree: LocalTree, server_url: str) -> None:
        self._client, self._tree, self._server_url = client, tree, server_url
        self._resident: _Resident | None = None
        self._stays = False
        # What the server said last of the time since it was in the state that it was told.
        self._there = StoreNews("", None)
        # After `find` found something to do: all that has changed, here or there; None when that is not known.
        self.changed: list[str] | None = None

    def find(self, key: str, list_more: Callable[[], Iterable[str]] = tuple) -> SyncResult | None:
        """What synchronising this again would find, if that is nothing to do.

        Args:
            key: What is synchronised, and how.
            list_more: Components that would be looked at besides those of the last time.

        Raises:
            ClientError: The server could not be asked.
        """
        self.changed = None
        found = self._resume(key, list_more) or self._begin(key, list_more)
        if found is None or found.touched is None:
            return None
        changed = self._there.changed
        if self._name(self._there.state) == found.settled.server and not found.touched:
            return found.tell()
        self.changed = None if changed is None else sorted({*changed, *found.touched})
        return None

    def find_offer(self) -> tuple[dict[str, str | None], FetchedOffer] | None:
        """SHA-256 of what lies at `changed`, and what the server told of it without being asked.

        None when it does not know all of what lies there: then it must be asked.
        """
        found, offer = self._resident, self._there.offer
        if found is None or found.touched or offer is None or not found.settled.own.isdisjoint(self.changed or ()):
            return None
        digests = {path: found.settled.digests.get(path) for path in self.changed or ()}
        # What lies there was active when the server was in the state that it has told the rest of.
        return digests, replace(offer, known=[path for path, digest in digests.items() if digest is not None])

    def note(self, key: str, run: SyncRun, *, is_rest_settled: bool) -> None:
        """Remember a synchronisation that was carried out: of everything, or of `changed` alone.

        Then its result tells of the rest too.
        """
        rest = self._resident if is_rest_settled else None
        hashes = dict(run.result.component_hashes)
        if rest is not None:
            # Copied as they are, and a few taken out: to look at each of ten thousand takes twice as long.
            others = dict(rest.settled.hashes)
            for path in run.states:
                others.pop(path, None)
            run.result.skipped = [*run.result.skipped, *others]
            others.update(hashes)
            hashes, run.result.component_hashes = others, dict(others)
        if not run.is_settled:
            return
        # What the run has left here, not what lies here now: an edit that has landed since is not settled.
        digests = {
            path: state.server if run.actions[path] is SyncAction.DOWNLOAD else state.local
            for path, state in run.states.items()
        }
        own = frozenset(path for path, state in run.states.items() if digests[path] != state.server)
        if rest is None:
            self.close()
            self._tree.note_settled(Settled(key, self._name(run.offer.state), digests, hashes, own))
        else:
            # Of the rest it was asked at that time what had changed; what came later is told again.
            name, own = self._name(self._there.state), (rest.settled.own - run.states.keys()) | own
            rest.settled.digests.update(digests)
            rest.settled, rest.is_kept = Settled(key, name, rest.settled.digests, hashes, own), False
            rest.written |= run.written

    def close(self) -> None:
        """Stop watching, and let the next process know what is known."""
        resident, self._resident = self._resident, None
        if resident is not None:
            if resident.watch is not None:
                resident.watch.close()
            if not resident.is_kept:
                self._tree.note_settled(resident.settled)

    def _resume(self, key: str, list_more: Callable[[], Iterable[str]]) -> _Resident | None:
        """What this process has settled the last time, and what is otherwise now; None when the kernel cannot tell."""
        found = self._resident
        if found is None or found.watch is None or found.touched is None or found.settled.key != key:
            return None
        told = found.watch.touched()
        if told is None:
            return None
        touched = found.touched | {path for path, is_more in told.items() if is_more or not self._is_own(path, found)}
        if not touched:
            self._ask(found.settled)
            return found
        # Listing the folders is for files that were not there before.
        if new := {path for path in touched if path not in found.settled.digests}:
            touched -= new.difference(list_more())
        with ThreadPoolExecutor(1) as beside:
            # The server answers meanwhile.
            asking = beside.submit(self._ask, found.settled)
            found.touched = self._differing(found.settled, touched)
            asking.result()
        return found

    def _is_own(self, path: str, found: _Resident) -> bool:
        """Whether a file that was only moved is the one that this process has moved there, which nobody wrote to."""
        return self._tree.is_there(path, found.written.get(path))

    def _begin(self, key: str, list_more: Callable[[], Iterable[str]]) -> _Resident | None:
        """What was settled the last time, by whichever process, and what is otherwise now."""
        self.close()
        stays, self._stays = self._stays, True
        kept = self._tree.read_settled()
        if kept is None or kept.key != key or not kept.server.startswith(self._name("")):
            return None
        # From before the look: what is touched while it lasts is seen by one of the two.
        watch = TreeWatch(self._tree.root) if stays else None
        with self._tree.list_times() as listed:
            # Another program lists the files; meanwhile this one reads, and the server answers.
            settled = kept.read()
            if settled is None:
                if watch is not None:
                    watch.close()
                return None
            found = self._resident = _Resident(settled, watch)
            self._ask(settled)
            self._look_at_all(found, listed(), list_more)
        return found

    def _ask(self, settled: Settled) -> None:
        self._there = self._client.get_news(settled.server.removeprefix(self._name("")))

    def _look_at_all(self, found: _Resident, listing: Listing | None, list_more: Callable[[], Iterable[str]]) -> None:
        """Find out what is otherwise than when it was settled."""
        settled, touched = found.settled, set[str]()
        if listing is None or listing.digest != settled.listing:
            touched = self._differing(settled, {*settled.digests, *list_more()})
            if not touched and listing is not None and listing.is_settled:
                found.settled = msgspec.structs.replace(settled, listing=listing.digest)
                self._tree.note_settled(found.settled)
        found.touched = touched

    def _differing(self, settled: Settled, paths: Iterable[str]) -> set[str]:
        looks = self._tree.look(paths)
        return {
            path for path, look in looks.items() if (None if look is None else look.sha256) != settled.digests.get(path)
        }

    def _name(self, state: str) -> str:
        return f"{self._server_url} {state}"
