"""What an application is, from how its replicas are, and what has to be done next: decided here, done by the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from synapse_sdk.wire.serve import ServeOptions, ServeStatus

RESTART_SECONDS = (0.5, 2.0, 5.0, 10.0, 30.0)
STABLE_SECONDS = 60.0
# A crash may be bad luck; the same crash three times in a row while starting is not.
MAX_CRASHES_BEFORE_FIRST_READY = 3


class Phase(StrEnum):
    """How far one replica is."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    DEAD = "dead"


class Cause(StrEnum):
    """Why a replica ended."""

    ERROR = "error"
    CRASH = "crash"
    MEMORY = "memory"
    HANG = "hang"
    SLOW_START = "slow_start"


# These come again however often one tries.
HOPELESS = frozenset({Cause.ERROR, Cause.MEMORY, Cause.SLOW_START})


@dataclass(frozen=True)
class ReplicaView:
    """One replica at one moment; times are seconds."""

    id: str
    revision: int
    phase: Phase
    age: float = 0.0
    draining_for: float = 0.0
    silent_for: float = 0.0
    problem: str = ""
    rss_bytes: int = 0


@dataclass(frozen=True)
class ApplicationView:
    """One application at one moment.

    Attributes:
        revision: The deployment that is wanted.
        was_ready: Whether this revision has run before.
        failure: Why this revision is given up; empty while it is not.
        crashes: Replicas of this revision that ended without being asked, since one was last stable.
        may_start: Whether the wait before the next start is over.
    """

    revision: int
    options: ServeOptions
    replicas: Sequence[ReplicaView]
    memory: int | None = None
    was_ready: bool = False
    failure: str = ""
    last_words: str = ""
    crashes: int = 0
    may_start: bool = True
    is_deleting: bool = False
    is_fitting: bool = True


@dataclass(frozen=True)
class Kill:
    """A replica to end at once, and why."""

    replica: str
    cause: Cause | None
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """What the application is, and what to do."""

    status: ServeStatus
    message: str = ""
    starts: int = 0
    drains: tuple[str, ...] = ()
    kills: tuple[Kill, ...] = ()
    is_gone: bool = False


def wait_before_start(crashes: int) -> float:
    """Seconds before the next start after so many crashes."""
    return 0.0 if crashes == 0 else RESTART_SECONDS[min(crashes, len(RESTART_SECONDS)) - 1]


def plan_application(app: ApplicationView) -> Plan:
    """Decide."""
    kills = tuple(kill for replica in app.replicas if (kill := _kill(app, replica)) is not None)
    doomed = {kill.replica for kill in kills}
    alive = [replica for replica in app.replicas if replica.phase is not Phase.DEAD and replica.id not in doomed]
    if app.is_deleting:
        drains = tuple(replica.id for replica in alive if replica.phase is not Phase.DRAINING)
        return Plan(ServeStatus.DELETING, "", drains=drains, kills=kills, is_gone=not app.replicas)
    wanted = [replica for replica in alive if replica.revision == app.revision and replica.phase is not Phase.DRAINING]
    ready = [replica for replica in wanted if replica.phase is Phase.READY]
    missing = app.options.num_replicas - len(wanted)
    starts = max(0, missing) if app.may_start and not app.failure else 0
    words = next((kill.reason for kill in kills if kill.reason), app.last_words)
    status, message = _status(app, words, ready=len(ready), starting=len(wanted) - len(ready))
    return Plan(status, message, starts=starts, drains=_drains(app, alive, ready), kills=kills)


def _status(app: ApplicationView, words: str, *, ready: int, starting: int) -> tuple[ServeStatus, str]:
    count = app.options.num_replicas
    if app.failure:
        return ServeStatus.DEPLOY_FAILED, app.failure
    if ready and (app.was_ready or ready >= count):
        short = f"{count - ready} of {count} replicas are being started again" if ready < count else ""
        return ServeStatus.RUNNING, "; ".join(part for part in (short, words if short else "") if part)
    if app.was_ready:
        return ServeStatus.UNHEALTHY, words or "No replica answers"
    if not app.replicas and not starting and app.crashes == 0 and not app.is_fitting:
        return ServeStatus.NOT_STARTED, "It waits for free capacity"
    return ServeStatus.DEPLOYING, words


def _drains(app: ApplicationView, alive: Sequence[ReplicaView], ready: Sequence[ReplicaView]) -> tuple[str, ...]:
    old = [replica.id for replica in alive if replica.revision != app.revision and replica.phase is not Phase.DRAINING]
    # A revision that failed leaves the former one answering.
    return tuple(old) if len(ready) >= app.options.num_replicas else ()


def _kill(app: ApplicationView, replica: ReplicaView) -> Kill | None:
    options = app.options
    if replica.phase is Phase.DEAD:
        return None
    if app.memory is not None and replica.rss_bytes > app.memory:
        return Kill(replica.id, Cause.MEMORY, f"A replica used more than its memory of {app.memory} bytes")
    if replica.phase is Phase.DRAINING:
        is_late = replica.draining_for > options.graceful_shutdown_timeout_s + 5
        return Kill(replica.id, None) if is_late else None
    if replica.phase is Phase.STARTING:
        is_late = replica.age > options.start_timeout_s
        reason = f"A replica was not ready within {options.start_timeout_s:g} s"
        return Kill(replica.id, Cause.SLOW_START, reason) if is_late else None
    if not replica.problem and replica.silent_for <= options.health_check_timeout_s:
        return None
    why = f"failed its health check: {replica.problem}" if replica.problem else "did not answer"
    return Kill(replica.id, Cause.HANG, f"A replica {why} (within {options.health_check_timeout_s:g} s)")


def failure_of(*, cause: Cause, was_ready: bool, crashes: int) -> bool:
    """Whether a revision is given up after a replica of it ended: only one that has never run."""
    return not was_ready and (cause in HOPELESS or crashes >= MAX_CRASHES_BEFORE_FIRST_READY)
