"""What a pre-annotation does with each task: who is asked, what is submitted, what is counted, what is said."""

import threading

import pytest

from synapse_sdk.exceptions import PluginValidationError
from synapse_sdk.plugins.actions.to_task import ToTaskAction, ToTaskLogMessageCode, ToTaskParams, ToTaskResult
from synapse_sdk.plugins.actions.to_task.steps import annotate_task_data
from synapse_sdk.plugins.enums import ACTION_DEFAULT_METHODS, PluginCategory
from tests.to_task.fakes import client_with, file, run, unit


class Echo(ToTaskAction):
    def convert_data_from_file(
        self, primary_file_url, primary_file_name, data_file_url, data_file_name, task_data=None
    ):
        return {
            "annotations": [],
            "from": [primary_file_url, primary_file_name, data_file_url, data_file_name, task_data["id"]],
        }

    def convert_data_from_inference(self, inference_data, task_data=None):
        return {"annotations": [], "answer": inference_data, "task": task_data["id"]}


def test_files_become_submitted_task_data():
    client = client_with(3)
    result, logger = run(Echo, client)
    assert client.submitted[2] == {
        "action": "submit",
        "data": {"annotations": [], "from": ["http://files/2.jpg", "2.jpg", "http://files/2.xml", "2.xml", 2]},
    }
    assert sorted(client.submitted) == [1, 2, 3]
    assert result.model_dump() == {
        "status": "SUCCEEDED",
        "message": "3 tasks annotated, 0 failed",
        "total_tasks": 3,
        "success_count": 3,
        "failed_count": 0,
        "failures": [],
        "skipped_count": 0,
        "run_id": None,
    }
    assert logger.percents("annotate_task_data")[-1] == 100.0
    assert logger.get_metrics("annotate_task_data") == {"success": 3, "failed": 0, "stand_by": 0}


def test_tasks_are_listed_with_the_filters_and_nothing_but_ids():
    client = client_with(1)
    run(Echo, client, task_filters={"status": "pending"})
    assert client.lists == [{"status": "pending", "fields": "id", "project": 1}]


def test_a_model_is_asked_once_per_task_with_the_further_parameters():
    client = client_with(2, answer={"boxes": [1]})
    result, _ = run(Echo, client, method="inference", pre_processor_params={"threshold": 0.5})
    assert result.success_count == 2
    code, body = next(run for run in client.runs if "1.jpg" in str(run))
    assert code == "finder"
    assert body == {
        "agent": 2,
        "action": "inference",
        "version": "1.2.0",
        "params": {"model": 3, "method": "post", "json": {"threshold": 0.5, "image_path": "http://files/1.jpg"}},
    }
    assert client.submitted[1]["data"] == {"annotations": [], "answer": {"boxes": [1]}, "task": 1}


def test_what_a_slow_model_has_answered_is_kept_before_all_is_answered(monkeypatch):
    monkeypatch.setattr(annotate_task_data, "FLUSH_SECONDS", 0.0)
    client, kept = client_with(3), threading.Event()
    annotate, ask = client.annotate_task_data, client.run_plugin

    def answer(plugin, data):
        # The last answer comes only when the first two are there; a batch would have room for 500.
        if len(client.runs) == 2 and not kept.wait(30):
            return None
        return ask(plugin, data)

    def keep(task_id, data):
        annotate(task_id, data)
        if len(client.submitted) == 2:
            kept.set()

    client.run_plugin, client.annotate_task_data = answer, keep
    result, _ = run(Echo, client, method="inference", concurrency=1)
    assert (result.success_count, result.failures) == (3, [])


def test_one_bad_task_costs_only_itself():
    class Picky(Echo):
        def convert_data_from_file(self, *args, task_data=None):
            if task_data["id"] == 500:
                raise ValueError("this one is bad")
            return {"annotations": []}

    client = client_with(1000)
    result, logger = run(Picky, client)
    assert (result.total_tasks, result.success_count, result.failed_count) == (1000, 999, 1)
    assert [failure.model_dump() for failure in result.failures] == [{"task_id": 500, "error": "this one is bad"}]
    assert result.status == "succeeded"
    assert len(client.submitted) == 999
    assert logger.events("add_task_data_task_failed") == [{"task_id": 500, "error": "this one is bad"}]
    assert logger.get_metrics("annotate_task_data") == {"success": 999, "failed": 1, "stand_by": 0}
    assert logger.messages()[-1] == "999 tasks are annotated, 1 failed."


def test_no_success_at_all_is_a_failure():
    result, _ = run(ToTaskAction, client_with(2))
    assert result.status == "failed"
    assert [failure.error for failure in result.failures] == [
        "ToTaskAction needs convert_data_from_file() for the file method"
    ] * 2


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"data_unit": None}, "Task does not have a data unit"),
        ({"data_unit": {**unit(1), "files": {"labels": file("a.xml")}}}, "Primary file URL not found for task"),
        ({"data_unit": {**unit(1), "files": {"image": file("a.jpg", primary=True, url=None), "labels": file("a")}}}, "Primary file URL not found for task"),
        ({"data_unit": {**unit(1), "files": {"image": file("a.jpg", primary=True)}}}, "Target specification file not found for task"),
        ({"data_unit": {**unit(1), "files": {"image": file("a.jpg", primary=True), "labels": file("a", url=None)}}}, "Target specification URL not found for task"),
    ],
)  # fmt: skip
def test_a_task_that_lacks_something_says_what(change, error):
    client = client_with(1)
    client.tasks[1] |= change
    result, _ = run(Echo, client)
    assert [failure.error for failure in result.failures] == [error]


def test_a_unit_without_files_anywhere_says_so():
    client = client_with(1)
    client.tasks[1]["data_unit"] = 1
    client.get_data_unit = lambda unit_id, params=None: {"id": unit_id, "files": []}
    result, _ = run(Echo, client)
    assert [failure.error for failure in result.failures] == ["Data unit does not have files"]


def test_files_missing_from_the_task_are_asked_for():
    client = client_with(1)
    client.tasks[1]["data_unit"] = {"id": 9}
    run(Echo, client)
    assert client.submitted[1]["data"]["from"][1] == "9.jpg"


@pytest.mark.parametrize("key", ["specification", "specification_name", "name"])
def test_files_may_be_a_list_that_names_specifications(key):
    client = client_with(1)
    files = [file("x.jpg", primary=True), {"url": "u", "filename": "x.xml", key: "labels"}]
    client.tasks[1]["data_unit"] = {"id": 1, "files": files}
    run(Echo, client)
    assert client.submitted[1]["data"]["from"][2] == "u"


def test_a_model_without_an_answer_fails_the_task():
    result, _ = run(Echo, client_with(1, answer=None), method="inference")
    assert [failure.error for failure in result.failures] == ["Inference returned no data"]


@pytest.mark.parametrize("payload", [[1], None, "text", {"a": object()}, {"a": "\0"}, {"a": "\ud800"}])
def test_what_is_no_task_data_fails_the_task_alone(payload):
    class Odd(Echo):
        def convert_data_from_file(self, *args, task_data=None):
            return payload if task_data["id"] == 1 else {"annotations": []}

    client = client_with(2)
    result, _ = run(Odd, client)
    assert [failure.task_id for failure in result.failures] == [1]
    assert sorted(client.submitted) == [2]


def test_a_task_that_vanished_fails_alone():
    client = client_with(2)
    client.list_tasks = lambda params=None, list_all=False: [{"id": 1}, {"id": 77}]
    result, _ = run(Echo, client)
    assert (result.success_count, [f.task_id for f in result.failures]) == (1, [77])


def test_messages_tell_what_is_going_on():
    _, logger = run(Echo, client_with(2))
    assert "2 tasks are being annotated (method file)." in logger.messages()
    assert logger.messages()[-1] == "2 tasks are annotated."
    assert Echo.get_log_message_code_class() is ToTaskLogMessageCode


def test_parameters_have_the_documented_defaults():
    params = ToTaskParams(name="a", project=1, agent=2)
    assert (params.task_filters, params.method, params.pre_processor_params) == ({}, "file", {})
    assert (params.description, params.target_specification_name, params.model, params.pre_processor) == (None,) * 4


def test_a_name_is_required():
    with pytest.raises(PluginValidationError):
        run(Echo, client_with(1), name="")


def test_class_says_what_it_is():
    assert (ToTaskAction.action_name, ToTaskAction.category) == ("to_task", PluginCategory.PRE_ANNOTATION)
    assert ToTaskAction.result_model is ToTaskResult
    assert ToTaskAction.progress.ANNOTATE_TASK_DATA == "annotate_task_data"
    assert ACTION_DEFAULT_METHODS["to_task"] == "job"
