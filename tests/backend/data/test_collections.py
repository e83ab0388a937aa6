"""Data collections and their file specifications."""

from web_helper.backend.models import Role


def make_collection(client, **body):
    answer = client.post("/v2/data-collections/", json={"name": "photos", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_collection_without_specifications_has_one_optional_image(client):
    (specification,) = make_collection(client)["file_specifications"]

    assert (specification["name"], specification["is_required"], specification["is_primary"]) == ("image", False, True)


def test_both_versions_show_the_same_collection(client):
    made = make_collection(client, file_specifications=[{"name": "left"}, {"name": "right", "file_type": "pcd"}])

    assert client.get(f"/data_collections/{made['id']}/").json() == made
    assert client.get("/data_collections/").json()["results"] == [made]
    assert client.get("/v2/data-collections/").json()["data"] == [made]
    assert [row["name"] for row in made["file_specifications"]] == ["left", "right"]


def test_contradicting_specifications_are_refused(client):
    for specifications in (
        [{"name": "a"}, {"name": "a"}],
        [{"name": "a", "is_primary": True}, {"name": "b", "is_primary": True}],
        [{"name": ""}],
        [{"name": "a", "file_type": "hologram"}],
        [{"name": "a", "colour": "red"}],
    ):
        answer = client.post("/v2/data-collections/", json={"name": "x", "file_specifications": specifications})

        assert answer.status_code == 400, specifications


def test_specifications_of_a_collection_with_units_are_added_but_not_removed(client, make):
    project = make.project()
    make.units(project, ["a.jpg"])
    path = f"/v2/data-collections/{project['data_collection_id']}/"

    removed = client.patch(path, json={"file_specifications": [{"name": "depth", "is_required": False}]})
    required = client.patch(path, json={"file_specifications": [{"name": "image"}, {"name": "depth"}]})
    added = client.patch(
        path, json={"file_specifications": [{"name": "image"}, {"name": "depth", "is_required": False}]}
    )

    assert (removed.status_code, required.status_code, added.status_code) == (409, 409, 200)
    assert [row["name"] for row in added.json()["data"]["file_specifications"]] == ["image", "depth"]


def test_collection_in_use_cannot_be_deleted_and_an_empty_one_can(client, make):
    project = make.project()
    empty = make_collection(client)

    assert client.delete(f"/v2/data-collections/{project['data_collection_id']}/").status_code == 409
    assert client.delete(f"/v2/data-collections/{empty['id']}/").status_code == 204


def test_collections_are_seen_by_members_and_changed_by_managers(client, make):
    project = make.project()
    _, stranger = make.user()
    _, viewer = make.user(project=project, role=Role.VIEWER)
    _, manager = make.user(project=project, role=Role.MANAGER)
    path = f"/v2/data-collections/{project['data_collection_id']}/"

    assert stranger.get(path).status_code == 404
    assert stranger.get("/v2/data-collections/").json()["data"] == []
    assert viewer.get(path).status_code == 200
    assert viewer.patch(path, json={"name": "new"}).status_code == 403
    assert manager.patch(path, json={"name": "new"}).json()["data"]["name"] == "new"


def test_maker_sees_a_collection_before_any_project_has_it(make):
    _, user = make.user()

    made = make_collection(user)

    assert user.get(f"/v2/data-collections/{made['id']}/").status_code == 200
