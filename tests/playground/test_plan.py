"""Every case of the table that decides what has to be done for a container."""

from dataclasses import replace

import pytest

from synapse_agent.engines.docker.protocol import CHECKSUM_LABEL, SPEC_LABEL, WARM_LABEL, Container, Image, RunState
from synapse_agent.services.containers.plan import CASES, EngineState, Step, plan_container
from synapse_agent.services.containers.records import AppFacts, ContainerRow, Wanted, spec_of
from synapse_sdk.wire.containers import ContainerStatus

ROW = ContainerRow(
    id=1,
    plugin_release="my-plugin@1.0.0",
    model=None,
    checksum="sum",
    spec="spec",
    image="synapse-plugin-my-plugin-1.0.0",
    app=AppFacts("plugin/gradio_interface.py", "app", "base", "archive"),
    params={},
    envs={},
    labels=(),
    metadata={},
    container_id="c1",
    name="quirky_einstein",
    host_port=7860,
    status=ContainerStatus.RUNNING,
    error=None,
    build_id=None,
    used_at=0.0,
    received=0,
    created_at="2026-01-01T00:00:00Z",
    updated_at="2026-01-01T00:00:00Z",
)
STARTING, BUILDING = (replace(ROW, status=each) for each in (ContainerStatus.STARTING, ContainerStatus.BUILDING))
NEW = replace(ROW, container_id=None, name=None, host_port=None)
IMAGE, OLD_IMAGE = Image("i1", {CHECKSUM_LABEL: "sum"}), Image("i0", {CHECKSUM_LABEL: "older"})


def box(state: RunState, *, checksum: str = "sum", spec: str = "spec") -> Container:
    return Container("c1", "quirky_einstein", state, {CHECKSUM_LABEL: checksum, SPEC_LABEL: spec})


def taken(state: RunState) -> Container:
    """One that was taken from the pool: what it runs stands in the record."""
    return Container("c1", "quirky_einstein", state, {WARM_LABEL: "kit"})


ADOPTED = replace(ROW, adopted="sum spec")
RUNNING, STOPPED = box(RunState.RUNNING), box(RunState.EXITED)
REMOVE, PORT, BUILD, CREATE, START = Step.REMOVE, Step.NEW_PORT, Step.BUILD, Step.CREATE, Step.START
TABLE = [
    ("nothing there", NEW, EngineState(), (BUILD, CREATE), False),
    ("nothing there", NEW, EngineState(image=IMAGE), (CREATE,), False),
    ("nothing there", NEW, EngineState(image=OLD_IMAGE), (BUILD, CREATE), False),
    ("nothing there, port taken", ROW, EngineState(image=IMAGE, is_port_taken=True), (PORT, CREATE), False),
    ("gone from the engine", ROW, EngineState(image=IMAGE), (CREATE,), False),
    ("gone from the engine", ROW, EngineState(), (BUILD, CREATE), False),
    ("running", ROW, EngineState(RUNNING, IMAGE), (), True),
    ("running", ROW, EngineState(RUNNING), (), True),
    ("running, and has not answered yet", STARTING, EngineState(RUNNING, IMAGE), (START,), True),
    ("running, and has not answered yet", BUILDING, EngineState(RUNNING, IMAGE), (START,), True),
    ("ended, and started again by the engine", ROW, EngineState(box(RunState.RESTARTING), IMAGE), (START,), True),
    ("paused", ROW, EngineState(box(RunState.PAUSED), IMAGE), (Step.UNPAUSE,), True),
    ("stopped", ROW, EngineState(STOPPED, IMAGE), (START,), True),
    ("stopped", ROW, EngineState(STOPPED), (START,), True),
    ("stopped, port taken", ROW, EngineState(STOPPED, IMAGE, is_port_taken=True), (REMOVE, PORT, CREATE), False),
    ("stopped, port taken", ROW, EngineState(STOPPED, is_port_taken=True), (REMOVE, PORT, BUILD, CREATE), False),
    ("never started, or half removed", ROW, EngineState(box(RunState.CREATED), IMAGE), (REMOVE, CREATE), False),
    ("never started, or half removed", ROW, EngineState(box(RunState.DEAD), IMAGE), (REMOVE, CREATE), False),
    (
        "release rebuilt",
        ROW,
        EngineState(box(RunState.RUNNING, checksum="older"), OLD_IMAGE),
        (REMOVE, BUILD, CREATE),
        False,
    ),
    ("release rebuilt", ROW, EngineState(box(RunState.EXITED, checksum="older"), IMAGE), (REMOVE, CREATE), False),
    (
        "params or envs changed",
        ROW,
        EngineState(box(RunState.RUNNING, spec="older"), IMAGE),
        (REMOVE, CREATE),
        False,
    ),
    ("running", ADOPTED, EngineState(taken(RunState.RUNNING), IMAGE), (), True),
    ("paused", ADOPTED, EngineState(taken(RunState.PAUSED), IMAGE), (Step.UNPAUSE,), True),
    ("from the pool, and ended", ADOPTED, EngineState(taken(RunState.EXITED), IMAGE), (REMOVE, CREATE), False),
    ("from the pool, and ended", ADOPTED, EngineState(taken(RunState.EXITED)), (REMOVE, BUILD, CREATE), False),
    (
        "release rebuilt",
        replace(ADOPTED, adopted="older spec"),
        EngineState(taken(RunState.RUNNING), IMAGE),
        (REMOVE, CREATE),
        False,
    ),
    ("somebody is building it", ROW, EngineState(RUNNING, IMAGE, is_building=True), (Step.JOIN,), True),
    ("somebody is building it", NEW, EngineState(is_building=True), (Step.JOIN,), True),
]


@pytest.mark.parametrize(("case", "row", "state", "steps", "is_restarted"), TABLE)
def test_case(case, row, state, steps, is_restarted):
    plan = plan_container(row, state)

    assert (plan.case, plan.steps, plan.is_restarted) == (case, steps, is_restarted)


def test_every_case_of_the_table_is_tested():
    assert {case.name for case in CASES} == {row[0] for row in TABLE}


def test_whoever_makes_it_anew_says_why():
    remade = [case for case in CASES if Step.REMOVE in case.steps]
    assert [case.name for case in remade if not case.reason] == ["never started, or half removed"]


def test_only_what_a_container_cannot_change_counts_as_changed():
    app = ROW.app
    assert spec_of({"a": 1, "b": 2}, {}, app) == spec_of({"b": 2, "a": 1}, {}, app)
    assert len({spec_of({"a": 1}, {}, app), spec_of({}, {"a": "1"}, app), spec_of({}, {}, replace(app, gpus=1))}) == 3
    assert Wanted("x@1", None).params is None
