"""The API describes itself completely, and what it describes is what it does."""

import pytest

from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings

METHODS = {"get", "post", "put", "patch", "delete", "head"}
# These answer whoever holds the link, or anyone.
V2_ONLY = {"async_jobs", "job_logs", "task_cards"}
# The paths of the documented component system, and of what was built on it, end without a slash.
SLASHLESS = ("/objects/", "/api/")
WITHOUT_TOKEN = ("/health/", "/payloads/", "/objects/")


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Making the description takes seconds, so it is made once."""
    return create_app(Settings(home=tmp_path_factory.mktemp("home"))).openapi()


@pytest.fixture(scope="module")
def operations(document):
    """(method, path, operation) of everything."""
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def error_models(operation):
    return {
        status: answer["content"]["application/json"]["schema"].get("$ref", "").rsplit("/", 1)[-1]
        for status, answer in operation["responses"].items()
        if (status == "default" or int(status) >= 400) and "content" in answer
    }


def test_every_operation_declares_the_one_error_body_and_no_other(operations):
    wrong = {f"{method} {path}": error_models(operation) for method, path, operation in operations}
    wrong = {name: models for name, models in wrong.items() if set(models.values()) != {"ErrorResponse"}}
    assert not wrong
    with_token = [op for _, path, op in operations if not path.startswith(WITHOUT_TOKEN)]
    assert all({"400", "401", "403"} <= set(error_models(operation)) for operation in with_token)


def references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from references(inner)


def test_every_reference_leads_to_a_model_of_the_document(document):
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) - names == set()


def test_every_answer_has_a_model(operations):
    bare = []
    for method, path, operation in operations:
        success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        content = success.get("content", {}).get("application/json")
        if content is not None and not content["schema"]:
            bare.append(f"{method} {path}")
    assert not bare


def test_operation_ids_are_unique_and_every_path_ends_in_a_slash(operations):
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    assert not [path for _, path, _ in operations if not path.endswith("/") and not path.startswith(SLASHLESS)]


def lists_of(operations):
    for method, path, operation in operations:
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        if method == "get" and names & {"per_page", "page_size"}:
            yield path, names


def test_every_list_has_the_common_filters_in_both_versions(operations):
    lists = dict(lists_of(operations))
    assert len(lists) >= 20
    assert not [path for path, names in lists.items() if not {"ids", "ids_ex", "search", "fields"} <= names]
    nouns = {path.strip("/").removeprefix("v2/").replace("-", "_") for path in lists if path.startswith("/v2/")}
    assert {noun for noun in nouns if f"/{noun}/" not in lists} <= V2_ONLY


@SQLITE_ONLY
def test_every_list_refuses_unknown_parameters_and_takes_every_documented_one(client, operations):
    samples = {"page": "1", "page_size": "5", "per_page": "5", "ids": "", "ids_ex": "1", "search": "x"}
    for path, names in lists_of(operations):
        refused = client.get(path, params={"surely_unknown": "1"})
        assert refused.status_code == 400, path
        assert "surely_unknown" in refused.json()["error"]["message"]
        taken = client.get(path, params={name: value for name, value in samples.items() if name in names})
        assert taken.status_code == 200, (path, taken.text)
        items = taken.json()["data"] if "per_page" in names else taken.json()["results"]
        assert items == [], path


@SQLITE_ONLY
def test_lists_without_a_token_are_refused(app, operations):
    from starlette.testclient import TestClient

    stranger = TestClient(app)
    for path, _ in lists_of(operations):
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert answer.json()["error"]["code"] == "AUTHENTICATION_REQUIRED"


def test_every_operation_says_what_it_does(operations):
    silent = [f"{method} {path}" for method, path, operation in operations if not operation.get("description")]
    assert not silent


def test_every_reference_leads_somewhere(tmp_path):
    """Also those of event streams, which no model of an answer describes: the types of the web UI are made of them."""
    document = create_app(Settings(home=tmp_path)).openapi()
    known = document["components"]["schemas"]

    def references(part):
        if isinstance(part, dict):
            yield from [part["$ref"]] if isinstance(part.get("$ref"), str) else []
            part = list(part.values())
        for each in part if isinstance(part, list) else []:
            yield from references(each)

    names = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert names <= known.keys()
