"""Keeps the records and the engine in agreement, also after the agent or the engine was killed.

A call that fails changes nothing: an engine that is away has lost no container. A container that is missing from a list
is asked for by its id before it is taken for gone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from synapse_agent.core.event_log import log_event
from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.engines.docker.protocol import (
    AGENT_LABEL,
    IMAGE_LABEL,
    RECORD_LABEL,
    WARM_LABEL,
    Container,
    EngineAwayError,
    EngineError,
    Image,
    RunState,
    Usage,
)
from synapse_agent.services.containers.pool import WarmPool
from synapse_agent.services.containers.records import UNKNOWN, ContainerRow
from synapse_agent.services.containers.workshop import Workbench, Workshop, row_lock
from synapse_sdk.wire.containers import APP_PORT, ContainerStatus

_STATUS = {
    RunState.RUNNING: ContainerStatus.RUNNING,
    RunState.RESTARTING: ContainerStatus.STARTING,
    RunState.PAUSED: ContainerStatus.PAUSED,
    RunState.EXITED: ContainerStatus.STOPPED,
    RunState.DEAD: ContainerStatus.STOPPED,
    RunState.CREATED: ContainerStatus.STOPPED,
    RunState.REMOVING: ContainerStatus.STOPPED,
}
# What an app may be let rest in, or woken from.
_STATES = {ContainerStatus.RUNNING: RunState.RUNNING, ContainerStatus.PAUSED: RunState.PAUSED}
# Addresses are asked for on any network; who uses an app sends more than this between two looks.
_NOISE_BYTES = 4096
# A request is more than this; to one that is paused, one is enough. Only where the engine cannot tell who waits.
_CALL_BYTES = 400
# The largest packet by which a host announces itself.
_PACKET_BYTES = 110
# An app that waits takes a thousandth of a core; one that works on an answer takes its share.
_WORKING_SHARE = 0.2


# Making a container again that was removed needs no build while its image is among the newest.
KEPT_IMAGES = 10
PRUNE_SECONDS = 600.0


def unneeded_images(images: Sequence[Image], rows: Sequence[ContainerRow]) -> list[Image]:
    """Images of releases that no record names any more, but for the newest of them."""
    named = {row.image for row in rows}
    unnamed = [image for image in images if not named & {tag.removesuffix(":latest") for tag in image.tags}]
    return sorted(unnamed, key=lambda image: image.created, reverse=True)[KEPT_IMAGES:]


class IdleStep(StrEnum):
    """What is done about an app's rest."""

    NOTHING = "nothing"
    NOTE = "used"
    MARK = "marked"
    PAUSE = "paused"
    WAKE = "woken"
    STOP = "stopped"


@dataclass(frozen=True)
class Use:
    """What an app used at the last look and uses now, and when that is.

    Attributes:
        waiting: Of one that is paused: what callers have sent and it has not read; None when that cannot be told.
    """

    seen: Usage
    now: Usage
    moment: float
    waiting: int | None = None


def idle_step(row: ContainerRow, state: RunState, use: Use, settings: PlaygroundSettings) -> IdleStep:
    """What is to be done about an app by when it was used last; nothing is done here."""
    silence = use.moment - row.used_at
    received = use.now.received - row.received
    if state is RunState.PAUSED and _is_called(row, use):
        return IdleStep.WAKE
    if state is RunState.RUNNING and (received < 0 or received > _NOISE_BYTES or _is_working(use, settings)):
        return IdleStep.NOTE
    if settings.idle_seconds and silence > settings.idle_seconds:
        return IdleStep.STOP
    if state is RunState.PAUSED and _is_noise(row, use):
        return IdleStep.MARK
    is_quiet = bool(settings.idle_pause_seconds) and silence > settings.idle_pause_seconds
    return IdleStep.PAUSE if is_quiet and state is RunState.RUNNING else IdleStep.NOTHING


def _is_called(row: ContainerRow, use: Use) -> bool:
    """Whether somebody calls a paused app at its own endpoint, where only this look can wake it."""
    if use.waiting is not None:
        return use.waiting > row.waiting
    return row.received != UNKNOWN and use.now.received - row.received > _CALL_BYTES


def _is_noise(row: ContainerRow, use: Use) -> bool:
    """Whether later calls are told better from what a paused app has received by now."""
    if use.waiting is not None:
        # Who was waiting when it was paused has left.
        return use.waiting < row.waiting
    # Hosts announce themselves again and again, one packet at a time; in the end that would add up to a call.
    return row.received == UNKNOWN or 0 < use.now.received - row.received <= _PACKET_BYTES


def _is_working(use: Use, settings: PlaygroundSettings) -> bool:
    return use.now.cpu_seconds - use.seen.cpu_seconds > _WORKING_SHARE * settings.look_seconds


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


def _attempt(act: Callable[..., None], *arguments: object) -> None:
    """Do one thing of a look; what the engine refuses is asked for again at the next one, and holds up nothing else."""
    try:
        act(*arguments)
    except EngineAwayError:
        raise
    except EngineError as exc:
        log_event("playground_keeper_refused", message=str(exc))


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
        self._cut_off: set[str] = set()
        self._seen: dict[str, Usage] = {}
        self._pool = WarmPool(bench)
        self._prune_at = 0.0

    def start(self) -> None:
        # Now, not when the engine first answers: a build that is asked for by then is somebody's already.
        self._cut_off = {build.id for build in self._bench.store.active_builds()}
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
            _attempt(self._remove_orphan, found)
        for row in bench.store.all():
            if row.container_id is not None and bench.store.active_build(row.id) is None:
                _attempt(self._update, row, listed.get(row.container_id))
        _attempt(self._prune)
        _attempt(self._pool.keep)

    def _keep(self) -> None:
        while True:
            try:
                if self._cut_off:
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
            if build.id in self._cut_off:
                log_event("playground_build_resumed", build=build.id)
                self._workshop.submit(build)
        self._cut_off.clear()

    def _prune(self) -> None:
        # What a build has made so far has no name yet.
        if time.monotonic() < self._prune_at or self._bench.store.active_builds():
            return
        self._prune_at = time.monotonic() + PRUNE_SECONDS
        images = self._bench.engine.list_images({IMAGE_LABEL: self._bench.agent})
        # Read after the list: an image that is built meanwhile is not in it.
        for image in unneeded_images(images, self._bench.store.all()):
            log_event("playground_image_removed", image=image.id)
            self._bench.engine.forget_image(image.id)

    def _remove_orphan(self, found: Container) -> None:
        if WARM_LABEL in found.labels:
            self._remove_stray(found)
            return
        label = found.labels.get(RECORD_LABEL, "")
        row_id = int(label) if label.isdecimal() else 0
        # In this order: a build that is over by now has noted what it made.
        is_building = self._bench.store.active_build(row_id) is not None
        if is_orphan(found, self._bench.store.find(row_id), is_building=is_building):
            log_event("playground_orphan_removed", container=found.id, record=label)
            self._bench.engine.remove(found.id)

    def _remove_stray(self, found: Container) -> None:
        """One of the pool that neither waits there nor is a record's."""
        # The pool first: who is taken from it is a record's from that moment.
        waits = any(warm.container_id == found.id for warm in self._bench.store.all_warm())
        if not waits and not any(row.container_id == found.id for row in self._bench.store.all()):
            log_event("playground_orphan_removed", container=found.id, record="")
            self._bench.engine.remove(found.id)

    def _update(self, row: ContainerRow, listed: Container | None) -> None:
        found = listed or self._bench.engine.inspect(row.container_id or "")
        if status_of(row, found, is_building=False) is not row.status:
            self._note(row.id)
        if found is not None and found.state in _STATES.values():
            self._rest(row.id, found.id)

    def _note(self, row_id: int) -> None:
        """Look again, at this one alone: what was listed may be from before somebody stopped or started it."""
        bench = self._bench
        with bench.locks.hold(row_lock(row_id)):
            row = bench.store.find_idle(row_id)
            if row is None or row.container_id is None:
                return
            status = status_of(row, bench.engine.inspect(row.container_id), is_building=False)
            if status is row.status or not bench.store.note_status(row, status):
                return
            if status is ContainerStatus.GONE:
                log_event("playground_container_gone", record=row.id)
            if status is ContainerStatus.PAUSED:
                # By somebody else: what it had received by then is nobody's call.
                bench.store.change(row.id, received=UNKNOWN, waiting=0)

    def _rest(self, row_id: int, container_id: str) -> None:
        """Let an app rest that nobody uses, and go on when somebody does."""
        usage = self._bench.engine.usage(container_id)
        with self._bench.locks.hold(row_lock(row_id)):
            # Read again: whoever asks for it says so first, and then waits for this lock.
            row = self._bench.store.find_idle(row_id)
            if usage is None or row is None or row.container_id != container_id or row.status not in _STATES:
                return
            seen, self._seen[container_id] = self._seen.get(container_id, usage), usage
            use = Use(seen, usage, time.time())
            if row.status is ContainerStatus.PAUSED:
                use = self._use_of_paused(container_id, use)
            step = idle_step(row, _STATES[row.status], use, self._bench.settings)
            if step is not IdleStep.NOTHING:
                self._take(step, row, container_id, use)

    def _use_of_paused(self, container_id: str, use: Use) -> Use:
        # Measured again: what was measured first may be from before it was paused.
        engine = self._bench.engine
        return replace(use, now=engine.usage(container_id) or use.now, waiting=engine.waiting(container_id, APP_PORT))

    def _take(self, step: IdleStep, row: ContainerRow, container_id: str, use: Use) -> None:
        engine, store, settings = self._bench.engine, self._bench.store, self._bench.settings
        received = use.now.received
        if step not in {IdleStep.NOTE, IdleStep.MARK}:
            log_event(f"playground_idle_{step.value}", record=row.id)
        if step is IdleStep.PAUSE:
            engine.pause(container_id)
            # Whoever waits now called while it was put to rest.
            store.change(row.id, status=ContainerStatus.PAUSED, received=received, waiting=0)
        elif step is IdleStep.MARK:
            store.change(row.id, received=received, waiting=use.waiting or 0)
        elif step is IdleStep.STOP:
            # One that is frozen cannot end by itself.
            engine.unpause(container_id)
            engine.stop(container_id, settings.stop_seconds)
            store.change(row.id, status=ContainerStatus.STOPPED)
        else:
            if step is IdleStep.WAKE:
                engine.unpause(container_id)
            store.change(row.id, status=ContainerStatus.RUNNING, received=received, used_at=time.time())
