"""The client's names are the server's: every path that it knows exists, every item has the keys that it declares."""

import typing

import pytest

from synapse_sdk.clients.backend_v2 import BackendV2Client, models
from synapse_sdk.clients.backend_v2.resource import Resource
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings

CLIENT = BackendV2Client("http://testserver")
RESOURCES = {name: value for name, value in vars(CLIENT).items() if isinstance(value, Resource)}
ITEMS = {
    "users": models.UserItem,
    "tokens": models.TokenItem,
    "projects": models.ProjectItem,
    "members": models.MemberItem,
    "tasks": models.TaskItem,
    "task_tags": models.TagItem,
    "assignments": models.AssignmentItem,
    "reviews": models.ReviewItem,
    "data_collections": models.DataCollectionItem,
    "data_units": models.DataUnitItem,
    "data_files": models.DataFileItem,
    "storages": models.StorageItem,
    "ground_truth_datasets": models.GroundTruthDatasetItem,
    "ground_truth_dataset_versions": models.GroundTruthVersionItem,
    "ground_truths": models.GroundTruthItem,
    "ground_truth_events": models.GroundTruthEventItem,
    "plugins": models.PluginItem,
    "plugin_releases": models.PluginReleaseItem,
    "jobs": models.JobItem,
    "job_logs": models.JobLogItem,
    "models": models.ModelItem,
    "agents": models.AgentItem,
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return create_app(Settings(home=tmp_path_factory.mktemp("home"))).openapi()


def resolve(spec, schema):
    while "$ref" in schema:
        schema = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def answered_keys(spec, path, method):
    operation = spec["paths"].get(path, {}).get(method)
    if operation is None:
        return set()
    answer = operation["responses"]["201" if method == "post" else "200"]
    body = resolve(spec, answer["content"]["application/json"]["schema"])
    data = resolve(spec, body["properties"]["data"])
    options = [resolve(spec, option) for option in data.get("anyOf", [data])]
    return {key for option in options for key in resolve(spec, option.get("items", option))["properties"]}


def test_every_resource_is_declared():
    assert set(RESOURCES) == {*ITEMS, "async_jobs"}


@pytest.mark.parametrize("name", ITEMS)
def test_items_have_the_keys_that_the_server_answers(spec, name):
    path = f"/{RESOURCES[name].path}"
    listed = answered_keys(spec, path, "get")
    assert listed
    answered = listed | answered_keys(spec, f"{path}{{item_id}}/", "get")
    # Creating may answer more, such as a key that is shown once, or counts when many are created.
    created = answered_keys(spec, path, "post")
    assert set(typing.get_type_hints(ITEMS[name])) == answered | (created if created >= listed else set())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/v2/tasks/bulk-fetch/"),
        ("post", "/v2/assignments/bulk-fetch/"),
        ("post", "/v2/ground-truths/bulk-data/"),
        ("post", "/v2/ground-truth-events/bulk-data/"),
        ("put", "/v2/tasks/{item_id}/annotate-task-data/"),
        ("post", "/v2/tasks/set-tags/"),
        ("post", "/v2/assignments/set-tags/"),
        ("post", "/v2/assignments/{item_id}/review/"),
        ("post", "/v2/projects/{project_id}/import-items/"),
        ("post", "/v2/ground-truth-datasets/{item_id}/collect/"),
        ("post", "/v2/ground-truth-datasets/{item_id}/versions/"),
        ("post", "/v2/data-files/presigned-upload/"),
        ("post", "/v2/data-files/confirm-upload/"),
        ("post", "/v2/plugin-exports/"),
        ("get", "/v2/async-jobs/{job_id}/"),
        ("get", "/v2/async-jobs/{job_id}/progress/"),
        ("post", "/v2/async-jobs/{job_id}/cancel/"),
        ("get", "/sdk/tasks/"),
        ("get", "/sdk/assignments/"),
        ("get", "/sdk/ground_truth_events/"),
        ("put", "/tasks/{item_id}/annotate_task_data/"),
        ("post", "/tasks/set_tags/"),
        ("post", "/assignments/set_tags/"),
        ("post", "/data_files/"),
        ("post", "/data_files/verify_checksums/"),
        ("get", "/data_files/{item_id}/content/"),
        ("post", "/data_units/"),
        ("post", "/tasks/"),
        ("post", "/logs/"),
        ("patch", "/jobs/{item_id}/"),
        ("get", "/jobs/{item_id}/console_logs/"),
        ("get", "/async/jobs/{item_id}/tail_console_logs/"),
        ("post", "/plugins/{lookup}/run/"),
        ("post", "/agents/{key}/connect/"),
        ("post", "/plugin_releases/"),
        ("post", "/models/"),
        ("get", "/ground_truth_dataset_versions/{item_id}/"),
    ],
)
def test_every_call_has_its_endpoint(spec, method, path):
    assert method in spec["paths"][path]
