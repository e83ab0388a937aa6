"""Every code block of the pre-annotation seed, with a client in memory: what the action asks and submits."""

import inspect
import sys
from types import ModuleType

import pytest
import yaml

from synapse_sdk.exceptions import ServerError
from synapse_sdk.plugins.actions.to_task import TaskFailure, ToTaskAction, ToTaskParams, ToTaskResult
from synapse_sdk.plugins.actions.to_task.serve_status import deployment_params
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import RunMethod
from tests.seeds.agent_scene import between, error_example, resources_config, to_task_class, to_task_config
from tests.to_task.fakes import client_with, run


@pytest.fixture
def to_task(monkeypatch):
    """The class of the seed's first block."""
    module = ModuleType("seed_to_task")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(to_task_class(), "seed:to_task", "exec"), vars(module))
    return module.ToTask


def test_subclass_converts_files(to_task):
    client = client_with(2)
    result, _ = run(to_task, client)
    assert result.success_count == 2
    assert client.submitted[1] == {"action": "submit", "data": {}}


def test_subclass_converts_inference(to_task):
    client = client_with(1, answer={"annotations": []})
    run(to_task, client, method="inference")
    assert client.submitted[1]["data"] == {"annotations": []}


def test_conversion_methods_take_the_documented_parameters():
    file_parameters = ["self", "primary_file_url", "primary_file_name", "data_file_url", "data_file_name", "task_data"]
    assert list(inspect.signature(ToTaskAction.convert_data_from_file).parameters) == file_parameters
    inference = inspect.signature(ToTaskAction.convert_data_from_inference).parameters
    assert list(inference) == ["self", "inference_data", "task_data"]
    assert inference["task_data"].default is None


def test_configuration_is_read():
    config = PluginConfig.from_dict({"name": "x", "code": "x", **yaml.safe_load(to_task_config())})
    assert config.get_action("to_task").entrypoint == "plugin.to_task.ToTask"
    assert config.get_method("to_task") is RunMethod.JOB


def test_required_resources_become_the_payload():
    resources = yaml.safe_load(resources_config())["actions"]["inference"]["required_resources"]
    expected = {"num_cpus": 2, "num_gpus": 1, "num_replicas": 2, "memory": 4294967296}
    assert deployment_params(resources) == expected


def test_result_has_the_documented_fields():
    lines = [line for line in between("결과", "Pre-Processor Lifecycle") if line.startswith("•")]
    documented = {line.removeprefix("•").split(":")[0].strip() for line in lines}
    failure = {"task_id", "error"}
    assert documented - failure == {"status", "message", "total_tasks", "success_count", "failed_count", "failures"}
    assert documented - failure <= set(ToTaskResult.model_fields)
    assert failure == set(TaskFailure.model_fields)


class Log:
    """Takes what the seed's example logs."""

    def __init__(self) -> None:
        self.entries = []

    def error(self, message, /, **fields):
        self.entries.append((message, fields))


@pytest.mark.parametrize(
    ("fields", "entry"),
    [
        (
            {"apps": [[]], "deployment": ServerError(503, "x")},
            ("dispatch failed", {"error_type": "ServerError", "status": 503}),
        ),
        (
            {"apps": [[], [{"status": "UNHEALTHY"}]]},
            (
                "pre-processor terminal failure",
                {"message": "Pre-processor deployment failed: serve application reached terminal state (UNHEALTHY)"},
            ),
        ),
        ({"apps": [[]]}, ("pre-processor wait timeout", {})),
    ],
)
def test_error_example_tells_the_failures_apart(fields, entry, to_task):
    log = Log()

    class Action:
        def execute(self):
            return run(to_task, client_with(1, **fields), method="inference", timeout_seconds=0.05)

    with pytest.raises(RuntimeError):
        exec(compile(error_example(), "seed:errors", "exec"), {"action": Action(), "log": log})
    assert log.entries == [entry]


def test_execute_is_the_documented_way_in(to_task):
    from tests.export.support import make_ctx

    params = ToTaskParams(name="a", project=1, agent=2, target_specification_name="labels")
    result = to_task(params, make_ctx(client=client_with(1))).execute()
    assert isinstance(result, ToTaskResult)
