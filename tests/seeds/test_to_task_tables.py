"""Every table and list of the pre-annotation seed, read from its text and held against a real server.

What the agent's host would have to be for a row (GPUs, a failing rollout, silence) is said by the test in its place.
"""

import re
import time

import pytest
import yaml

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import NotFoundError
from synapse_sdk.plugins.actions.to_task import PrepareStep, ToTaskAction, ToTaskParams, ToTaskSettings
from synapse_sdk.plugins.actions.to_task.serve_status import classify_serve_app
from synapse_sdk.wire.serve import ServeStatus
from tests.agent.stage import Stage
from tests.export.support import make_ctx
from tests.seeds.agent_scene import AgentScene, SpokenAgent, between, line_of, resources_config
from tests.seeds.cut import seed_lines

pytestmark = [pytest.mark.system, pytest.mark.timeout(600), pytest.mark.xdist_group("seed-tables")]
STATUS = re.compile(r"[A-Z]{3,}(?:_[A-Z]+)*")


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield AgentScene(stage)
    stage.close()


@pytest.fixture(scope="module")
def release(scene):
    return scene.publish_pre_processor("finder")


@pytest.fixture(scope="module")
def project(scene):
    return scene.make_project(1)


@pytest.fixture
def spoken(scene, request):
    agent = SpokenAgent(scene.stage, f"spoken-{request.node.name}"[:150])
    yield agent
    agent.close()


class AfterDispatch(BackendClient):
    """A client that lets something happen right after a deployment was asked for."""

    happen = None

    def run_plugin(self, plugin, data):
        answer = super().run_plugin(plugin, data)
        if self.happen:
            self.happen()
        return answer


@pytest.fixture
def after_dispatch(scene):
    """Makes such clients, whose calls are real."""
    made = []

    def make(happen):
        made.append(AfterDispatch(scene.stage.url, scene.stage.token))
        made[-1].happen = happen
        return made[-1]

    yield make
    for client in made:
        client.close()


def prepare(client, **params):
    """The first step alone; answers its context."""
    facts = {"name": "a", "method": "inference", "model": 1, "poll_interval_seconds": 0.02, "timeout_seconds": 0.3}
    action = ToTaskAction(ToTaskParams(**facts | params), make_ctx(client=client))
    context = action.create_context()
    PrepareStep().execute(context)
    return context


# Parameters, result


def documented_parameters() -> dict[str, str]:
    lines = [line.removeprefix("•").strip() for line in between("파라미터", "결과") if line.startswith("•")]
    return {name.strip(): text for name, _, text in (line.partition(":") for line in lines)}


def test_every_parameter_has_the_documented_default():
    fields, found = ToTaskParams.model_fields, documented_parameters()
    assert list(found) == [
        "name", "description", "project", "agent", "task_filters", "method", "target_specification_name",
        "pre_processor", "model", "pre_processor_params",
    ]  # fmt: skip
    defaults = {name: re.search(r"기본값: ([^)]+)", text) for name, text in found.items()}
    for name, stated in defaults.items():
        if stated:
            assert fields[name].get_default(call_default_factory=True) == {"{}": {}, "file": "file"}[stated[1]]
    assert fields["name"].is_required()
    assert "(필수)" in found["name"]


@pytest.mark.parametrize("name", ["target_specification_name", "pre_processor", "model"])
def test_what_a_method_needs_is_refused_without_it(scene, project, release, spoken, name):
    method = re.search(r"(file|inference) 메서드 시 필수", documented_parameters()[name])[1]
    params = {"target_specification_name": "labels", "pre_processor": release, "model": 1} | {name: None}
    with pytest.raises(RuntimeError, match=f"^{name} is required for {method} method$"):
        prepare(scene.stage.v1, project=project, agent=spoken.id, method=method, **params)


# The life cycle


def test_applications_are_found_by_the_documented_call(scene, release, spoken):
    (line,) = (line for line in between("Pre-Processor Lifecycle", "Required Resources") if "Detection" in line)
    call = re.search(r"client\.list_serve_applications\(.*?\)", line)[0]
    spoken.report(finder="RUNNING")
    found = eval(call, {"client": scene.stage.v1, "code": "finder", "agent": spoken.id})["results"]
    assert [(row["name"], row["status"]) for row in found] == [("finder@1.0.0", "RUNNING")]


def test_one_that_runs_is_taken_and_nothing_is_deployed(scene, project, release, spoken):
    spoken.report(finder="RUNNING")
    before = scene.deployments(release)
    context = prepare(scene.stage.v1, project=project, agent=spoken.id, pre_processor=release)
    assert context.serve_app["name"] == "finder@1.0.0"
    assert scene.deployments(release) == before


def test_the_wait_has_the_documented_patience():
    (line,) = (line for line in between("Pre-Processor Lifecycle", "Required Resources") if "Wait" in line)
    seconds = {f"기본 {ToTaskSettings().timeout_seconds:g}s", f"{ToTaskSettings().poll_interval_seconds:g}초(기본)"}
    assert all(text in line for text in seconds)
    assert "timeout_seconds" in line


# The payload


@pytest.mark.parametrize(
    ("resources", "payload"),
    [
        # num_cpus: required_cpu_count first, or num_cpus; 1.
        ("", {"num_cpus": 1, "num_gpus": 0.1}),
        ("required_cpu_count: 2\nnum_cpus: 8\n", {"num_cpus": 2, "num_gpus": 0.1}),
        ("num_cpus: 8\n", {"num_cpus": 8, "num_gpus": 0.1}),
        # num_gpus: required_gpu_count first, or num_gpus; 0.1.
        ("required_gpu_count: 0\nnum_gpus: 1\n", {"num_cpus": 1, "num_gpus": 0}),
        ("num_gpus: 1\n", {"num_cpus": 1, "num_gpus": 1}),
        # num_replicas: only when declared.
        ("num_replicas: 3\n", {"num_cpus": 1, "num_gpus": 0.1, "num_replicas": 3}),
        # memory: memory first, or memory_bytes; only when declared.
        ("memory: 5\nmemory_bytes: 6\n", {"num_cpus": 1, "num_gpus": 0.1, "memory": 5}),
        ("memory_bytes: 6\n", {"num_cpus": 1, "num_gpus": 0.1, "memory": 6}),
        ("memory: null\nnum_replicas: null\n", {"num_cpus": 1, "num_gpus": 0.1}),
        ("seed", {"num_cpus": 2, "num_gpus": 1, "num_replicas": 2, "memory": 4294967296}),
    ],
)
def test_resources_of_the_release_arrive_at_the_server(scene, project, spoken, resources, payload):
    if resources == "seed":
        wanted = yaml.safe_load(resources_config())["actions"]["inference"]["required_resources"]
        resources = yaml.safe_dump(wanted)
    release = scene.publish_pre_processor(f"payload-{spoken.id}", resources=resources)
    with pytest.raises(RuntimeError, match="within timeout"):
        prepare(scene.stage.v1, project=project, agent=spoken.id, pre_processor=release)
    assert scene.deployments(release) == [payload]


def test_every_key_of_the_payload_has_its_row():
    start = line_of("페이로드 키")
    rows = seed_lines("001")[start : start + 4]
    keys = ("num_cpusrequired_cpu_count", "num_gpusrequired_gpu_count", "num_replicasnum_replicas", "memorymemory")
    assert [row.startswith(key) for row, key in zip(rows, keys, strict=True)] == [True] * 4
    assert [re.search(r"기본 ([\d.]+)", row) and re.search(r"기본 ([\d.]+)", row)[1] for row in rows[:2]] == [
        "1",
        "0.1",
    ]


# Failures, and the states


def messages() -> list[str]:
    """The three messages of the matrix, with their gaps."""
    rows = seed_lines("001")[line_of("단계트리거예외") :][:3]
    return [re.search(r"RuntimeError\('(.*)'\)", row)[1] for row in rows]


def bucket(name: str) -> list[str]:
    """The states of a bucket, as the table lists them."""
    row = seed_lines("001")[line_of(name, line_of("버킷상태")) - 1]
    return [state for state in STATUS.findall(row.removeprefix(name)) if state in list(ServeStatus)]


def test_every_state_has_its_bucket():
    states = {name: bucket(name) for name in ("running", "failed", "pending")}
    assert sorted(state for members in states.values() for state in members) == sorted(ServeStatus)
    for name, members in states.items():
        for state in members:
            assert classify_serve_app([{"status": state}]) == (name, state if name == "failed" else None)


def test_dispatch_that_is_refused_keeps_the_clients_error_as_its_cause(scene, project, release, spoken):
    # An agent that is not there: 404 of the real server.
    with pytest.raises(RuntimeError) as raised:
        prepare(scene.stage.v1, project=project, agent=99_999, pre_processor=release)
    assert str(raised.value) == messages()[0].format(error_type="NotFoundError")
    assert isinstance(raised.value.__cause__, NotFoundError)
    assert raised.value.__cause__.status_code == 404


@pytest.mark.parametrize("status", ["DEPLOY_FAILED", "UNHEALTHY", "UNAVAILABLE"])
def test_a_failed_state_ends_the_wait_at_once(after_dispatch, project, release, spoken, status):
    assert status in bucket("failed")

    def happen():
        spoken.report(finder="DEPLOYING" if status == "UNAVAILABLE" else status)
        if status == "UNAVAILABLE":
            spoken.fall_silent()

    client, began = after_dispatch(happen), time.monotonic()
    with pytest.raises(RuntimeError) as raised:
        prepare(client, project=project, agent=spoken.id, pre_processor=release, timeout_seconds=180)
    assert str(raised.value) == messages()[1].format(status=status)
    assert time.monotonic() - began < 120


@pytest.mark.parametrize("status", ["NOT_STARTED", "DEPLOYING", "DELETING", None])
def test_a_pending_state_is_waited_for_until_the_time_is_over(after_dispatch, project, release, spoken, status):
    assert status is None or status in bucket("pending")
    client = after_dispatch(lambda: spoken.report(**({"finder": status} if status else {})))
    with pytest.raises(RuntimeError) as raised:
        prepare(client, project=project, agent=spoken.id, pre_processor=release)
    assert str(raised.value) == messages()[2]


def test_one_that_runs_wins_over_others_that_failed(scene, after_dispatch, project, release, spoken):
    for name in ("finder@1.0.0", "second@1.0.0", "third@1.0.0"):
        facts = {"name": name, "plugin_release": release, "action": "inference", "agent": spoken.id}
        scene.stage.v1.create_serve_application(facts)
    client = after_dispatch(lambda: spoken.report(finder="DEPLOY_FAILED", second="RUNNING", third="UNHEALTHY"))
    context = prepare(client, project=project, agent=spoken.id, pre_processor=release)
    assert context.serve_app["name"] == "second@1.0.0"
    rows = scene.stage.v1.list_serve_applications(plugin_code="finder", job__agent=spoken.id)
    assert sorted(row["status"] for row in rows["results"]) == ["DEPLOY_FAILED", "RUNNING", "UNHEALTHY"]
    assert PrepareStep._classify_serve_app(rows) == ("running", None)


def test_no_message_holds_an_address_or_a_key(scene, after_dispatch, project, release, spoken):
    texts = []
    for agent, happen in ((99_999, None), (spoken.id, lambda: spoken.report(finder="UNHEALTHY")), (spoken.id, None)):
        with pytest.raises(RuntimeError) as raised:
            prepare(after_dispatch(happen), project=project, agent=agent, pre_processor=release)
        texts.append(str(raised.value))
    assert not [text for text in texts if "http" in text or scene.stage.token in text or "Traceback" in text]
