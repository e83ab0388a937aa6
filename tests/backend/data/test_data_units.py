"""Data units: made from files that the caller may use, listed with signed links, deleted when nobody needs them."""

import hashlib

import pytest

from tests.backend.data.uploads import describe, send
from web_helper.backend.models import Role


@pytest.fixture
def collection(make):
    return make.project()["data_collection_id"]


def make_unit(client, collection, **body):
    answer = client.post("/v2/data-units/", json={"data_collection": collection, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_unit_is_made_from_an_uploaded_file_and_shows_it(client, collection):
    file_id = send(client, b"pixels")

    unit = make_unit(
        client, collection, name="a.jpg", key="k", width=4, height=3, files={"image": file_id}, meta={"camera": 1}
    )

    file = unit["files"]["image"]
    assert (unit["name"], unit["key"], unit["width"], unit["height"]) == ("a.jpg", "k", 4, 3)
    assert (file["file_name_original"], file["is_primary"], file["size_bytes"]) == ("a.jpg", True, 6)
    download = client.get(file["url"])
    assert download.content == b"pixels"
    assert 'filename="a.jpg"' in download.headers["Content-Disposition"]
    assert client.get(f"/data_units/{unit['id']}/").json()["meta"] == {"camera": 1}


def test_units_are_made_by_content_and_named_after_their_file(client, collection):
    send(client, b"one")
    send(client, b"two")
    bodies = [
        {
            "data_collection": collection,
            "files": {"image": {"checksum": hashlib.sha256(content).hexdigest(), "path": f"{content.decode()}.jpg"}},
        }
        for content in (b"one", b"two")
    ]

    answer = client.post("/data_units/", json=bodies)

    assert answer.status_code == 201, answer.text
    assert [unit["name"] for unit in answer.json()] == ["one.jpg", "two.jpg"]


def test_wrong_files_are_refused_and_no_unit_is_added(client, collection):
    pending = client.post("/v2/data-files/presigned-upload/", json={"files": [describe(b"never sent")]}).json()["data"]
    file_id = send(client, b"pixels")
    for files in (
        {"image": 4711},
        {"image": pending[0]["data_file_id"]},
        {"other": file_id},
        {"image": {"checksum": "0" * 64, "path": "a"}},
        {"image": {"data_file_id": file_id, "file_name": ""}},
        {"image": -1},
        {"image": 2**70},
    ):
        good = {"data_collection": collection, "name": "good", "files": {"image": file_id}}
        answer = client.post("/v2/data-units/", json=[good, {**good, "files": files}])

        assert answer.status_code == 400, files
        assert client.get("/v2/data-units/").json()["data"] == []


def test_required_file_must_be_there(client):
    body = {"name": "x", "file_specifications": [{"name": "image"}, {"name": "mask", "is_required": False}]}
    collection = client.post("/v2/data-collections/", json=body).json()["data"]["id"]

    answer = client.post("/v2/data-units/", json={"data_collection": collection, "name": "a"})

    assert answer.json()["error"]["details"] == [
        {"field": "0.files.image", "message": "the collection requires this file."}
    ]


def test_key_is_taken_once_per_collection(client, collection, make):
    make_unit(client, collection, name="a", key="k")
    other = make.project()["data_collection_id"]

    twice = [{"data_collection": other, "name": "a", "key": "k2"}] * 2
    assert (
        client.post("/v2/data-units/", json={"data_collection": collection, "name": "b", "key": "k"}).status_code == 409
    )
    assert client.post("/v2/data-units/", json=twice).status_code == 409
    assert make_unit(client, other, name="a", key="k")


def test_filters_select_exactly_what_they_name(client, collection, make):
    first = make_unit(client, collection, name="Cat.jpg", key="a")["id"]
    second = make_unit(client, collection, name="dog.jpg", key="b,c")["id"]
    third = make_unit(client, make.project()["data_collection_id"], name="cat.png")["id"]

    def ids(**query):
        return sorted(row["id"] for row in client.get("/v2/data-units/", params=query).json()["data"])

    assert ids(search="CAT") == [first, third]
    assert ids(data_collection=collection) == [first, second]
    assert ids(key="b,c") == [second]
    assert ids(ids=f"{first},{third}", ids_ex=third) == [first]
    assert client.get("/v2/data-units/", params={"name": "x"}).status_code == 400


def test_unit_is_changed_and_null_name_is_refused(client, collection):
    unit = make_unit(client, collection, name="a")

    changed = client.patch(f"/v2/data-units/{unit['id']}/", json={"width": 7, "meta": {"x": 1}}).json()["data"]

    assert (changed["name"], changed["width"], changed["meta"]) == ("a", 7, {"x": 1})
    assert client.patch(f"/v2/data-units/{unit['id']}/", json={"name": None}).status_code == 400


def test_annotated_unit_cannot_be_deleted(client, make):
    project = make.project()
    task = make.tasks(project)[0]
    unit = client.get(f"/v2/tasks/{task}/").json()["data"]["data_unit_id"]
    free = make_unit(client, project["data_collection_id"], name="free")

    assert client.delete(f"/v2/data-units/{unit}/").status_code == 409
    assert client.delete(f"/v2/data-units/{free['id']}/").status_code == 204


def test_members_see_units_and_managers_change_them(client, make):
    project = make.project()
    unit = make.units(project, ["a.jpg"], files=True)[0]
    _, stranger = make.user()
    _, viewer = make.user(project=project, role=Role.VIEWER)
    path = f"/v2/data-units/{unit}/"

    assert stranger.get(path).status_code == 404
    assert stranger.get("/v2/data-units/").json()["data"] == []
    file = viewer.get(path).json()["data"]["files"]["image"]
    assert viewer.get(f"/data_files/{file['data_file_id']}/content/").status_code == 200
    assert viewer.patch(path, json={"name": "x"}).status_code == 403
    assert viewer.delete(path).status_code == 403


def test_file_of_others_cannot_be_taken_by_guessing_its_number(client, make):
    project = make.project()
    file_id = send(client, b"secret pixels")
    _, other = make.user()
    own = other.post("/v2/data-collections/", json={"name": "own"}).json()["data"]["id"]
    body = {"data_collection": own, "name": "a", "files": {"image": file_id}}

    assert project
    assert other.post("/v2/data-units/", json=body).status_code == 400
    assert send(other, b"secret pixels") == file_id
    assert other.post("/v2/data-units/", json=body).status_code == 201
