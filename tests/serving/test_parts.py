"""The parts of serving that decide: tokens, weights, batches, capacity, states, the gate."""

import asyncio
import io
import time
import zipfile
from pathlib import Path

import pytest

from synapse_agent.engines.serving.host import choose_devices, memory_variables
from synapse_agent.engines.serving.plan import ApplicationView, Phase, ReplicaView, plan_application
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.services.capacity_check import Capacity
from synapse_agent.services.capacity_machine import Machine, count_cpus, count_memory, free_memory
from synapse_sdk.exceptions import ClientConnectionError, ConfigurationError, NotFoundError, StorageError
from synapse_sdk.loggers import ConsoleLogger
from synapse_sdk.plugins.actions.inference import BaseDeploymentAction, BaseInferenceAction, BaseServeDeployment, batch
from synapse_sdk.plugins.actions.inference.model_store import fetch_model
from synapse_sdk.plugins.actions.inference.model_token import read_model, sign_model
from synapse_sdk.plugins.actions.inference.routes import resolve_app_name, resolve_route_prefix
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.wire.serve import CapacityRequest, ServeOptions, ServeStatus
from tests.serving.conftest import KEY, RELEASE, spec_of
from tests.serving.release.plugin.models import Echo

MD5 = "f58f0e598bb1c9b8323415faece753be"  # of models-under-test@1.0.0


def test_a_token_names_a_model_only_with_the_key_that_signed_it():
    token = sign_model({"id": 7, "url": "http://here/weights"}, KEY)
    assert read_model(token, KEY) == {"id": 7, "url": "http://here/weights"}
    head, body, signature = token.split(".")
    unsigned = f"{head}.{body}."
    for wrong in ("", "a.b.c", unsigned, token[:-2], f"{head}.{body}x.{signature}", "é.é.é"):
        with pytest.raises(ConfigurationError, match="names no model"):
            read_model(wrong, KEY)
    with pytest.raises(ConfigurationError, match="not signed with this"):
        read_model(token, "another key")
    with pytest.raises(ConfigurationError, match="expired"):
        read_model(sign_model({"id": 7}, KEY, life_seconds=-5), KEY)


@pytest.mark.parametrize(
    ("env", "prefix"),
    [
        ({"SYNAPSE_PLUGIN_RELEASE_CHECKSUM": "abc"}, "/abc"),
        ({"SYNAPSE_PLUGIN_RELEASE_CHECKSUM": "abc", "SYNAPSE_PLUGIN_RELEASE_CODE": "x@1"}, "/abc"),
        ({"SYNAPSE_PLUGIN_RELEASE_CODE": "models-under-test@1.0.0"}, f"/{MD5}"),
        ({}, f"/{MD5}"),
    ],
)
def test_a_route_prefix_is_found_in_the_documented_order(env, prefix):
    assert resolve_route_prefix(env, RELEASE) == prefix


def test_without_any_hint_the_release_is_asked_for(tmp_path):
    with pytest.raises(ConfigurationError, match="SYNAPSE_PLUGIN_RELEASE_CODE"):
        resolve_app_name({}, tmp_path)


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


def weights(folder: Path, name: str, content: bytes) -> dict:
    import hashlib

    (folder / name).write_bytes(content)
    return {"id": 1, "url": str(folder / name), "sha256": hashlib.sha256(content).hexdigest(), "file_name": name}


def test_weights_are_fetched_once_checked_and_unpacked(tmp_path):
    model = weights(tmp_path, "model.zip", zipped(a="1", sub__b="2"))
    folder = fetch_model(model, tmp_path / "cache")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {"a", "sub/b"}
    Path(model["url"]).unlink()
    assert fetch_model(model, tmp_path / "cache") == folder


def test_a_plain_file_lies_in_the_folder_under_its_name(tmp_path):
    folder = fetch_model(weights(tmp_path, "model.npz", b"PK not really"), tmp_path / "cache")
    assert (folder / "model.npz").read_bytes() == b"PK not really"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.zip", b"no zip at all", "not a readable zip"),
        ("model.zip", zipped(**{"..__evil": "x"}), "leaves its folder"),
        ("model.zip", zipped(__evil="x"), "leaves its folder"),
    ],
    # Not the content: it holds the moment, and the processes of a suite must know each test by the same name.
    ids=["no archive", "parents", "an absolute name"],
)
def test_an_archive_that_cannot_be_trusted_leaves_nothing(tmp_path, name, content, words):
    with pytest.raises(StorageError, match=words):
        fetch_model(weights(tmp_path, name, content), tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    assert not (tmp_path / "evil").exists()


def test_torn_weights_are_refused(tmp_path):
    with pytest.raises(StorageError, match="SHA-256"):
        fetch_model({**weights(tmp_path, "w.bin", b"abc"), "sha256": "0" * 64}, tmp_path / "cache")
    with pytest.raises(ConfigurationError, match="has no weights"):
        fetch_model({"id": 3, "url": None}, tmp_path / "cache")


class Batcher:
    def __init__(self):
        self.sizes = []

    @batch(max_batch_size=4, batch_wait_timeout_s=0.05)
    async def double(self, items):
        self.sizes.append(len(items))
        return [item * 2 if item >= 0 else ValueError("negative") for item in items]

    @batch
    async def short(self, items):
        return items[:-1]


def test_calls_that_come_together_are_answered_together():
    async def scene():
        model = Batcher()
        answers = await asyncio.gather(*(model.double(number) for number in range(10)))
        return model.sizes, answers

    sizes, answers = asyncio.run(scene())
    assert answers == [number * 2 for number in range(10)]
    assert sizes == [4, 4, 2]


def test_one_bad_item_fails_alone_and_a_wrong_count_fails_all():
    async def scene():
        model = Batcher()
        mixed = await asyncio.gather(*(model.double(n) for n in (1, -1, 2)), return_exceptions=True)
        return mixed, await asyncio.gather(model.short(1), model.short(2), return_exceptions=True)

    mixed, wrong = asyncio.run(scene())
    assert [mixed[0], mixed[2], type(mixed[1])] == [2, 4, ValueError]
    assert all(isinstance(error, ConfigurationError) for error in wrong)


def test_a_batch_does_not_wait_longer_than_it_says():
    async def scene():
        began = time.monotonic()
        await Batcher().double(1)
        return time.monotonic() - began

    assert 0.04 < asyncio.run(scene()) < 10


GIB = 2**30


def capacity(*held, cpus=4.0, gpus=("0", "1"), free=16 * GIB):
    return Capacity(Machine(cpus, 16 * GIB, gpus), lambda: held, measure_free=lambda: free)


@pytest.mark.parametrize(
    ("held", "wish", "short"),
    [
        ([], {"num_cpus": 4, "num_gpus": 2, "memory": 16 * GIB}, {}),
        ([], {"num_cpus": 2, "num_replicas": 3}, {"num_cpus": (6, 4)}),
        ([Reserved(num_cpus=3)], {"num_cpus": 2}, {"num_cpus": (2, 1)}),
        ([], {"num_gpus": 3}, {"num_gpus": (3, 2)}),
        ([Reserved(gpus={"0": 0.5, "1": 0.5})], {"num_gpus": 1}, {"num_gpus": (1, 1)}),
        ([Reserved(gpus={"0": 0.5, "1": 0.5})], {"num_gpus": 0.5, "num_replicas": 2}, {}),
        ([Reserved(memory=10 * GIB)], {"memory": 7 * GIB}, {"memory": (7 * GIB, 6 * GIB)}),
        ([Reserved(memory=10 * GIB, used_memory=10 * GIB)], {"memory": 6 * GIB}, {}),
        ([Reserved(num_cpus=4, name="mine")], {"num_cpus": 4, "name": "mine"}, {}),
    ],
)
def test_capacity_is_what_is_there_less_what_is_promised(held, wish, short):
    answer = capacity(*held).check(CapacityRequest(**wish))
    assert answer.allowed == (not short)
    assert {reason.resource: (reason.requested, reason.available) for reason in answer.reasons} == short


def test_memory_that_others_use_is_not_free():
    answer = capacity(Reserved(memory=2 * GIB), free=4 * GIB).check(CapacityRequest(memory=3 * GIB))
    assert [reason.available for reason in answer.reasons] == [2 * GIB]


def test_a_containers_limits_are_the_machine(tmp_path):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{64 * 2**20}\n")
    (tmp_path / "memory.current").write_text(f"{60 * 2**20}\n")
    assert (count_cpus(tmp_path), count_memory(tmp_path)) == (0.5, 64 * 2**20)
    assert free_memory(tmp_path) == 4 * 2**20
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert count_cpus(tmp_path) >= 1
    assert count_memory(tmp_path) > 2**30


def test_shares_of_a_gpu_are_packed_and_whole_ones_kept():
    assert choose_devices(0, ("0",), {}) == {}
    assert choose_devices(0.5, ("0", "1"), {"1": 0.5}) == {"1": 0.5}
    assert choose_devices(1, ("0", "1"), {"0": 0.1}) == {"1": 1.0}
    assert choose_devices(2, ("0", "1"), {"0": 0.1}) is None


def view(*phases: str, **more) -> ApplicationView:
    replicas = [ReplicaView(f"r{n}", 1, Phase(phase)) for n, phase in enumerate(phases)]
    options = ServeOptions(num_replicas=more.pop("wanted", 1))
    return ApplicationView(**{"revision": 1, "options": options, "replicas": replicas, **more})


@pytest.mark.parametrize(
    ("app", "status"),
    [
        (view(is_fitting=False), ServeStatus.NOT_STARTED),
        (view(), ServeStatus.DEPLOYING),
        (view("starting"), ServeStatus.DEPLOYING),
        (view("ready", "starting", wanted=2), ServeStatus.DEPLOYING),
        (view("ready"), ServeStatus.RUNNING),
        (view("ready", wanted=2, was_ready=True), ServeStatus.RUNNING),
        (view(was_ready=True), ServeStatus.UNHEALTHY),
        (view("starting", was_ready=True), ServeStatus.UNHEALTHY),
        (view(failure="because"), ServeStatus.DEPLOY_FAILED),
        (view("ready", is_deleting=True), ServeStatus.DELETING),
    ],
)
def test_what_the_replicas_are_is_what_the_application_is(app, status):
    assert plan_application(app).status is status


class FakeAgent:
    """Answers the gate; the real one is tested on an agent."""

    def __init__(self, answer):
        self.answer, self.asked, self.deployed = answer, [], []

    def check_feasibility(self, kind, **wish):
        self.asked.append((kind, wish))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def deploy_serve_application(self, spec):
        self.deployed.append(spec)


class Deployment(BaseDeploymentAction):
    entrypoint = Echo


def deploy(answer, **params):
    agent = FakeAgent(answer)
    env = PluginEnvironment({"SYNAPSE_PLUGIN_RELEASE_CODE": "models-under-test@1.0.0"})
    ctx = RuntimeContext(ConsoleLogger(), env, agent_client=agent)
    try:
        return agent, Deployment.dispatch({"wait": False, **params}, ctx)
    except RuntimeError as exc:
        return agent, exc


@pytest.mark.parametrize(
    ("memory", "block", "kept"), [(None, 2**25, 2**27), (2**30, 2**25, 2**27), (2**27, 2**24, 2**24)]
)
def test_a_replica_keeps_freed_memory_within_an_eighth_of_its_own(memory, block, kept):
    variables = memory_variables(spec_of("Echo", resources={"memory": memory}))
    assert variables == {"MALLOC_MMAP_THRESHOLD_": str(block), "MALLOC_TRIM_THRESHOLD_": str(kept)}


def test_the_gate_is_asked_once_right_before_the_deployment():
    agent, result = deploy({"allowed": True, "reasons": []}, num_cpus=2, num_gpus=0.1, memory=GIB, num_replicas=2)
    wish = {"name": "models-under-test@1.0.0", "num_cpus": 2, "num_gpus": 0.1, "memory": GIB, "num_replicas": 2}
    assert agent.asked == [("serve", wish)]
    assert len(agent.deployed) == 1
    assert result["route_prefix"] == f"/{MD5}"


def test_what_does_not_fit_is_denied_with_the_documented_words():
    reasons = [{"resource": "num_gpus", "requested": 1, "available": 0}]
    agent, error = deploy({"allowed": False, "reasons": reasons})
    text = "Serve deploy denied: insufficient cluster capacity ([num_gpus: requested 1, available 0])"
    assert str(error) == text
    assert not agent.deployed


def test_an_agent_that_cannot_be_asked_stops_the_deployment():
    cause = ClientConnectionError(None, "http://agent/?token=secret")
    agent, error = deploy(cause)
    assert str(error) == "Serve deploy capacity check failed: agent unreachable (ClientConnectionError)"
    assert error.__cause__ is cause
    assert not agent.deployed


def test_an_inference_action_loads_the_models_of_the_platform(tmp_path):
    class Client:
        def get_model(self, model_id):
            if model_id != 1:
                raise NotFoundError(404, "there is no such model")
            return {"name": "m", **weights(tmp_path, "w.bin", b"abc")}

    class Inference(BaseInferenceAction):
        def infer(self, model, inputs):
            return [{"n": len(inputs)}]

    action = Inference({}, RuntimeContext(ConsoleLogger(), PluginEnvironment({}), client=Client()))
    assert (action.download_model(1, tmp_path / "models") / "w.bin").read_bytes() == b"abc"
    with pytest.raises(NotFoundError):
        action.get_model(2)


def test_infer_remote_says_what_is_missing():
    with pytest.raises(ConfigurationError, match="no agent to ask"):
        Echo.infer_remote({}, RuntimeContext(ConsoleLogger(), PluginEnvironment({})))
    assert issubclass(Echo, BaseServeDeployment)
