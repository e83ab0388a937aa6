"""What has to be done so that a record's container runs as the record says: all cases, in one table.

`CASES` is read from the top; the first case that holds decides. It is data so that a person, the tests and the page
about the playground read the same thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from synapse_agent.engines.docker.protocol import CHECKSUM_LABEL, SPEC_LABEL, WARM_LABEL, Container, Image, RunState
from synapse_agent.services.containers.records import ContainerRow
from synapse_sdk.wire.containers import ContainerStatus


class Step(StrEnum):
    """One thing to do."""

    JOIN = "join"
    REMOVE = "remove"
    NEW_PORT = "new_port"
    BUILD = "build"
    CREATE = "create"
    START = "start"
    UNPAUSE = "unpause"


@dataclass(frozen=True)
class EngineState:
    """What there is.

    Attributes:
        container: The record's container; None when there is none.
        image: The release's image; None when there is none.
        is_port_taken: A program that is not this container has the record's port.
        is_building: Somebody is at work on the record.
    """

    container: Container | None = None
    image: Image | None = None
    is_port_taken: bool = False
    is_building: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do.

    Attributes:
        case: The case's name.
        reason: Why a container that was there is made anew; None when it is not.
        is_restarted: The container was there already, and stays.
    """

    case: str
    steps: tuple[Step, ...]
    reason: str | None = None
    is_restarted: bool = False


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        holds: Whether it is this one.
        steps: What to do.
        keeps: The container that is there stays.
    """

    name: str
    holds: Callable[[ContainerRow, EngineState], bool]
    steps: tuple[Step, ...]
    keeps: bool = False
    reason: str | None = None


def plan_container(row: ContainerRow, engine_state: EngineState) -> Plan:
    """What has to be done for a record; nothing is done here."""
    case = next(case for case in CASES if case.holds(row, engine_state))
    steps = case.steps
    needs_image = Step.CREATE in steps and not _has_image(row, engine_state)
    if needs_image:
        steps = tuple(part for step in steps for part in ((Step.BUILD, step) if step is Step.CREATE else (step,)))
    return Plan(case.name, steps, case.reason, case.keeps)


def is_as_wanted(row: ContainerRow, found: Container) -> bool:
    """Whether a container is what its record says, running or not."""
    return made_of(row, found) == (row.checksum, row.spec)


def made_of(row: ContainerRow, found: Container) -> tuple[str | None, str | None]:
    """Checksum and spec of a container: its labels, or what it was given when it was taken from the pool."""
    if WARM_LABEL in found.labels:
        checksum, _, spec = (row.adopted or "").partition(" ")
        return checksum, spec
    return found.labels.get(CHECKSUM_LABEL), found.labels.get(SPEC_LABEL)


def _has_image(row: ContainerRow, state: EngineState) -> bool:
    return state.image is not None and state.image.labels.get(CHECKSUM_LABEL) == row.checksum


def _is_there(_row: ContainerRow, state: EngineState) -> bool:
    return state.container is not None


def _has_other_checksum(row: ContainerRow, state: EngineState) -> bool:
    return state.container is not None and made_of(row, state.container)[0] != row.checksum


def _has_other_spec(row: ContainerRow, state: EngineState) -> bool:
    return state.container is not None and made_of(row, state.container)[1] != row.spec


def _is_used_up(_row: ContainerRow, state: EngineState) -> bool:
    found = state.container
    return found is not None and WARM_LABEL in found.labels and found.state not in {RunState.RUNNING, RunState.PAUSED}


def _is_in(*states: RunState) -> Callable[[ContainerRow, EngineState], bool]:
    def holds(_row: ContainerRow, state: EngineState) -> bool:
        return state.container is not None and state.container.state in states

    return holds


def _has_not_answered(row: ContainerRow, state: EngineState) -> bool:
    return _is_in(RunState.RUNNING)(row, state) and row.status in _UNANSWERED


_REMADE = (Step.REMOVE, Step.CREATE)
# An agent that died while it waited for the app has left it so.
_UNANSWERED = frozenset({ContainerStatus.BUILDING, ContainerStatus.STARTING})

CASES: tuple[Case, ...] = (
    Case("somebody is building it", lambda _row, state: state.is_building, (Step.JOIN,), keeps=True),
    Case(
        "nothing there, port taken",
        lambda row, s: not _is_there(row, s) and s.is_port_taken,
        (Step.NEW_PORT, Step.CREATE),
    ),
    Case("gone from the engine", lambda row, s: not _is_there(row, s) and row.container_id is not None, (Step.CREATE,)),
    Case("nothing there", lambda row, s: not _is_there(row, s), (Step.CREATE,)),
    Case("release rebuilt", _has_other_checksum, _REMADE, reason="the release has changed"),
    Case(
        "params or envs changed",
        _has_other_spec,
        _REMADE,
        reason="its parameters or variables have changed",
    ),
    Case("from the pool, and ended", _is_used_up, _REMADE, reason="its process came from the pool and has ended"),
    Case("running, and has not answered yet", _has_not_answered, (Step.START,), keeps=True),
    Case("running", _is_in(RunState.RUNNING), (), keeps=True),
    Case("ended, and started again by the engine", _is_in(RunState.RESTARTING), (Step.START,), keeps=True),
    Case("paused", _is_in(RunState.PAUSED), (Step.UNPAUSE,), keeps=True),
    Case(
        "stopped, port taken",
        lambda _row, state: state.is_port_taken,
        (Step.REMOVE, Step.NEW_PORT, Step.CREATE),
        reason="another program has taken its port",
    ),
    Case("stopped", _is_in(RunState.EXITED), (Step.START,), keeps=True),
    Case("never started, or half removed", _is_there, _REMADE),
)
