"""A working tree of this host that is kept as the server has it. What cannot be decided here, people are asked about.

Runs do not use it: each has a tree of its own. It is for whoever works on the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.components.digests import decode_component, sha256_of, short_hash
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ComponentError, ConflictError, NotFoundError
from synapse_sdk.wire.devices import MAX_SHOWN_CHARACTERS, ConflictAnswer, ConflictReport, Resolution
from web_helper.middleend.component_manager import ComponentManager
from web_helper.middleend.sync_plan import ConflictResolution, ConflictType
from web_helper.middleend.sync_records import SyncConflict, SyncResult

CHANGED_SINCE = "The file has changed since the question was asked."


class KeptTree:
    """Synchronises a tree, reports its conflicts, and carries out what people decide about them.

    Args:
        manager: Of the tree, with the worker's own key: it may upload what people have decided, and nothing else.
        client: Of this worker.
        tell: Takes an event and its fields.
    """

    def __init__(self, manager: ComponentManager, client: DeviceClient, tell: Callable[..., None]) -> None:
        self._manager, self._client, self._tell = manager, client, tell
        self._known: set[str] = set()

    def synchronise(self) -> None:
        """Bring the tree up to date; each conflict is reported once.

        Raises:
            ClientError: The server could not be asked.
        """
        try:
            result = self._manager.sync_all()
        except (ComponentError, OSError) as exc:
            self._tell("tree_failed", error=str(exc))
            return
        if result.synced or result.uploaded:
            self._tell("tree_synchronised", synced=len(result.synced), uploaded=len(result.uploaded))
        open_paths = [conflict.path for conflict in result.conflicts] + _not_uploaded(result)
        if open_paths:
            self._report({path: result.planned[path] for path in open_paths})

    def carry_out(self, answers: Sequence[ConflictAnswer]) -> None:
        """Do what was decided, and tell what has come of it.

        Raises:
            ClientError: The server could not be asked.
        """
        for answer in answers:
            problem = self._resolve(answer)
            try:
                self._client.carry_out(answer.id, is_done=problem is None, message=problem or "")
            except (ConflictError, NotFoundError):
                continue
            self._tell("conflict_answered", path=answer.path, resolution=answer.resolution.value, error=problem or "")

    def close(self) -> None:
        """Close the connections."""
        self._manager.close()

    def _report(self, kinds: Mapping[str, ConflictType]) -> None:
        question = {"have": {}, "need": list(kinds), "follow_imports": False, "with_contents": False}
        versions = self._manager.client.negotiate(question)["versions"]
        for path, kind in kinds.items():
            server = versions.get(path, {})
            # Read once: it may be edited meanwhile, and what is told must be of the same bytes.
            component = parse_component_path(path)
            content = self._manager.tree.read(component)
            shown = None if self._manager.tree.leads_outside(component) else _text_of(content)
            report = ConflictReport(
                path=path,
                conflict_type=kind.value,
                local_sha256=None if content is None else sha256_of(content),
                server_sha256=server.get("sha256"),
                local_hash=None if content is None else short_hash(content),
                server_hash=server.get("hash"),
                local_content=shown,
            )
            key = report.model_dump_json()
            if key not in self._known:
                self._client.report_conflict(report)
                self._known.add(key)
                self._tell("conflict_reported", path=path, conflict=kind.value)

    def _resolve(self, answer: ConflictAnswer) -> str | None:
        """Carry out one decision; why it could not be, or None."""
        if self._digest_of(answer.path) != answer.local_sha256:
            return CHANGED_SINCE
        if answer.resolution is Resolution.SKIP:
            return None
        conflict = SyncConflict(answer.path, None, None, ConflictType.BOTH_CHANGED)
        decided = {answer.path: ConflictResolution(answer.resolution.value)}
        try:
            outcome = self._manager.resolve_pending_conflicts(SyncResult(conflicts=[conflict]), decided)
        except (ComponentError, OSError) as exc:
            return str(exc)
        # What was decided anew may be asked again: the same two contents can meet later.
        self._known.clear()
        return outcome.errors.get(answer.path)

    def _digest_of(self, path: str) -> str | None:
        content = self._manager.tree.read(parse_component_path(path))
        return None if content is None else sha256_of(content)


def _text_of(content: bytes | None) -> str | None:
    """What people are shown of a file; None when it is gone, too long, or no text."""
    if content is None or len(content) > MAX_SHOWN_CHARACTERS:
        return None
    try:
        return decode_component(content)
    except ComponentError:
        return None


def _not_uploaded(result: SyncResult) -> list[str]:
    """What is only here and was refused: a worker uploads nothing that nobody has decided."""
    return [path for path in result.failed if result.planned.get(path) is ConflictType.LOCAL_ONLY]
