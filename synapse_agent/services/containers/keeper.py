"""Keeps the records and the engine in agreement, also after the agent or the engine was killed.

A call that fails changes nothing: an engine that is away has lost no container. A container that is missing from a list
is asked for by its id before it is taken for gone.
"""

from __future__ import annotations

import threading
import time

from synapse_agent.core.event_log import log_event
from synapse_agent.engines.docker.protocol import AGENT_LABEL, RECORD_LABEL, Container, EngineError, RunState
from synapse_agent.services.containers.records import ContainerRow
from synapse_agent.services.containers.workshop import Workbench, Workshop
from synapse_sdk.wire.containers import ContainerStatus

_STATUS = {
    RunState.RUNNING: ContainerStatus.RUNNING,
    RunState.RESTARTING: ContainerStatus.STARTING,
    RunState.PAUSED: ContainerStatus.PAUSED,
    RunState.EXITED: ContainerStatus.STOPPED,
    RunState.DEAD: ContainerStatus.STOPPED,
    RunState.CREATED: ContainerStatus.STOPPED,
    RunState.REMOVING: ContainerStatus.STOPPED,
}
# Addresses are asked for on any network; who uses an app sends more than this between two looks.
_NOISE_BYTES = 4096


def status_of(row: ContainerRow, found: Container | None, *, is_building: bool) -> ContainerStatus:
    """A record's status, by what the engine has of it."""
    if is_building:
        return row.status
    if found is None:
        return ContainerStatus.FAILED if row.status is ContainerStatus.FAILED else ContainerStatus.GONE
    return _STATUS[found.state]


def is_orphan(found: Container, row: ContainerRow | None, *, is_building: bool) -> bool:
    """Whether a container of this agent belongs to no record; one that is just being made does."""
    if row is None:
        return True
    return not is_building and row.container_id != found.id


class Keeper:
    """Looks from time to time, in a thread of its own.

    Args:
        bench: The records and the engine.
        workshop: Where builds go on that an agent's death cut off.
    """

    def __init__(self, bench: Workbench, workshop: Workshop) -> None:
        self._bench, self._workshop = bench, workshop
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="playground-keeper", daemon=True)
        self._is_resumed = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def reconcile(self) -> None:
        """One look.

        Raises:
            EngineError: The engine is away; nothing was changed.
        """
        bench = self._bench
        listed = {found.id: found for found in bench.engine.find_labelled({AGENT_LABEL: bench.agent})}
        for found in listed.values():
            self._remove_orphan(found)
        for row in bench.store.all():
            if row.container_id is not None and not self._is_building(row):
                self._update(row, listed.get(row.container_id) or bench.engine.inspect(row.container_id))

    def _keep(self) -> None:
        while True:
            try:
                if not self._is_resumed:
                    self._resume()
                self.reconcile()
            except EngineError:
                # It is asked again; `health/` says that it is away.
                pass
            except Exception as exc:  # noqa: BLE001 - the edge of the agent's loop.
                log_event("playground_keeper_defect", kind=type(exc).__name__, message=str(exc))
            if self._stop.wait(self._bench.settings.look_seconds):
                return

    def _resume(self) -> None:
        self._bench.engine.describe()
        for build in self._bench.store.active_builds():
            log_event("playground_build_resumed", build=build.id)
            self._workshop.submit(build)
        self._is_resumed = True

    def _is_building(self, row: ContainerRow) -> bool:
        return self._bench.store.active_build(row.id) is not None

    def _remove_orphan(self, found: Container) -> None:
        label = found.labels.get(RECORD_LABEL, "")
        row = self._bench.store.find(int(label)) if label.isdecimal() else None
        if is_orphan(found, row, is_building=row is not None and self._is_building(row)):
            log_event("playground_orphan_removed", container=found.id, record=label)
            self._bench.engine.remove(found.id)

    def _update(self, row: ContainerRow, found: Container | None) -> None:
        status = status_of(row, found, is_building=self._is_building(row))
        if status is ContainerStatus.GONE and row.status is not ContainerStatus.GONE:
            log_event("playground_container_gone", record=row.id)
        if status is not row.status:
            self._bench.store.change(row.id, status=status)
        if found is not None and found.state is RunState.RUNNING:
            self._stop_idle(row, found)

    def _stop_idle(self, row: ContainerRow, found: Container) -> None:
        limit = self._bench.settings.idle_seconds
        received = self._bench.engine.received_bytes(found.id) if limit else None
        if received is None:
            return
        if received < row.received or received - row.received > _NOISE_BYTES:
            self._bench.store.change(row.id, received=received, used_at=time.time())
        elif time.time() - row.used_at > limit:
            log_event("playground_idle_stopped", record=row.id)
            self._bench.engine.stop(found.id, self._bench.settings.stop_seconds)
            self._bench.store.change(row.id, status=ContainerStatus.STOPPED)
