"""What changed between two versions: counts, classes, and the data units themselves page by page."""

import pytest

from tests.backend.factories import SQLITE_ONLY, boxes

VERSIONS = "/v2/ground-truth-dataset-versions"


@pytest.fixture
def project(make):
    return make.project()


@pytest.fixture
def dataset(client, project):
    return client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "gold"}).json()["data"]


def add(client, dataset, unit: int, *categories: str) -> int:
    body = {"dataset": dataset["id"], "data_unit": unit, "data": boxes(*categories)}
    answer = client.post("/v2/ground-truths/", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


def change(client, truth: int, *categories: str) -> None:
    assert client.patch(f"/v2/ground-truths/{truth}/", json={"data": boxes(*categories)}).status_code == 200


def release(client, dataset, name: str) -> int:
    answer = client.post(f"/v2/ground-truth-datasets/{dataset['id']}/versions/", json={"name": name})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["id"]


@pytest.fixture
def versions(client, make, project, dataset):
    """Of six units: one changed, one changed and back, one removed, one removed and added again, one added, one as it was."""
    units = make.units(project, ["changed", "back", "removed", "again", "same", "added"])
    truths = [add(client, dataset, unit, "cat") for unit in units[:5]]
    first = release(client, dataset, "first")
    change(client, truths[0], "cat", "dog")
    change(client, truths[1], "dog")
    change(client, truths[1], "cat")
    for truth in truths[2:4]:
        assert client.delete(f"/v2/ground-truths/{truth}/").status_code == 204
    add(client, dataset, units[3], "cat")
    add(client, dataset, units[5], "dog")
    return first, release(client, dataset, "second")


def changes(client, versions, kind: str, **params) -> dict:
    answer = client.get(f"{VERSIONS}/{versions[1]}/changes/", params={"since": versions[0], "kind": kind, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_difference_counts_items_and_annotations_per_class(client, versions):
    answer = client.get(f"{VERSIONS}/{versions[1]}/difference/", params={"since": versions[0]})
    assert answer.json()["data"] == {
        "since": versions[0],
        "version": versions[1],
        "added": 1,
        "removed": 1,
        "changed": 1,
        "unchanged": 3,
        "classes": {"cat": {"before": 2, "after": 1}, "dog": {"before": 0, "after": 2}},
        "counted": 3,
        "is_whole": True,
    }


def test_the_changes_name_their_data_units_and_classes(client, versions):
    (added,) = changes(client, versions, "added")["data"]
    (removed,) = changes(client, versions, "removed")["data"]
    (changed,) = changes(client, versions, "changed")["data"]
    assert [each["data_unit_name"] for each in (added, removed, changed)] == ["added", "removed", "changed"]
    assert (added["before"], added["after"]) == (None, {"dog": 1})
    assert (removed["before"], removed["after"]) == ({"cat": 1}, None)
    assert (changed["before"], changed["after"]) == ({"cat": 1}, {"cat": 1, "dog": 1})


def test_changes_come_page_by_page_and_each_once(client, make, project, dataset):
    first = release(client, dataset, "empty")
    names = [f"unit {number}" for number in range(7)]
    for unit in make.units(project, names):
        add(client, dataset, unit, "cat")
    pair, found, cursor = (first, release(client, dataset, "full")), [], None
    while True:
        page = changes(client, pair, "added", limit=3, **({"cursor": cursor} if cursor else {}))
        found += [each["data_unit_name"] for each in page["data"]]
        cursor = page["meta"]["pagination"]["next_cursor"]
        if cursor is None:
            break
    assert found == names


@SQLITE_ONLY
@pytest.mark.parametrize("path", ["difference/", "changes/"])
def test_versions_are_compared_with_older_ones_of_their_data_set(client, project, dataset, versions, path):
    body = {"project": project["id"], "name": "other"}
    other = release(client, client.post("/v2/ground-truth-datasets/", json=body).json()["data"], "first")
    for version, since, status in [(versions[0], versions[1], 400), (versions[1], other, 400), (versions[1], 99, 404)]:
        answer = client.get(f"{VERSIONS}/{version}/{path}", params={"since": since, "kind": "added"})
        assert answer.status_code == status
        if status == 400:
            assert [detail["field"] for detail in answer.json()["error"]["details"]] == ["since"]


@SQLITE_ONLY
def test_a_cursor_that_is_none_is_refused(client, versions):
    params = {"since": versions[0], "kind": "added", "cursor": "x"}
    answer = client.get(f"{VERSIONS}/{versions[1]}/changes/", params=params)
    assert (answer.status_code, answer.json()["error"]["details"][0]["field"]) == (400, "cursor")


@SQLITE_ONLY
def test_strangers_learn_nothing_of_versions(make, versions):
    _, stranger = make.user()
    for path in ("difference/", "changes/"):
        answer = stranger.get(f"{VERSIONS}/{versions[1]}/{path}", params={"since": versions[0], "kind": "added"})
        assert answer.status_code == 404
