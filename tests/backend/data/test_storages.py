"""Storages: who may change them, who sees their secrets, and what cannot be done to them."""

import pytest

from tests.backend.plugins.archives import publish
from web_helper.backend.api.plugins import models, plugins
from web_helper.backend.models import Role
from web_helper.backend.services.data import files


@pytest.fixture
def folder(tmp_path):
    return {"provider": "file_system", "configuration": {"location": str(tmp_path / "second")}}


def make_storage(client, **body):
    answer = client.post("/v2/storages/", json={"name": "second", **body})
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def test_administrator_adds_a_folder_and_files_go_there(client, folder, tmp_path):
    storage = make_storage(client, **folder)

    answer = client.post(f"/data_files/?storage={storage['id']}", files={"file": ("a", b"abc")})

    assert answer.json()["storage_id"] == storage["id"]
    assert [path.read_bytes() for path in (tmp_path / "second").rglob("*") if path.is_file()] == [b"abc"]


def test_only_one_storage_is_the_default(client, folder):
    storage = make_storage(client, **folder, is_default=True)

    rows = client.get("/storages/").json()["results"]

    assert [row["id"] for row in rows if row["is_default"]] == [storage["id"]]
    refused = client.patch(f"/v2/storages/{storage['id']}/", json={"is_default": False})
    assert refused.status_code == 409


def test_secrets_are_shown_only_to_those_who_write_and_ask(client, make, folder):
    storage = make_storage(client, **folder)
    project = make.project()
    _, manager = make.user(project=project, role=Role.MANAGER)
    _, annotator = make.user(project=project, role=Role.ANNOTATOR)
    _, reader = make.user(project=project, role=Role.MANAGER, scopes=["read"])
    path = f"/storages/{storage['id']}/"

    for who in (client, manager, annotator, reader):
        assert who.get(path).json()["configuration"] == {"location": "********"}
    assert client.get(path, params={"with_configuration": True}).json()["configuration"] == folder["configuration"]
    shown = manager.get(f"/v2{path}", params={"with_configuration": True}).json()["data"]
    assert shown["configuration"] == folder["configuration"]
    for who in (annotator, reader):
        assert who.get(path, params={"with_configuration": True}).status_code == 403


def test_masked_value_that_is_sent_back_stays_what_it_was(client, folder):
    storage = make_storage(client, **folder)
    shown = client.get(f"/v2/storages/{storage['id']}/").json()["data"]["configuration"]

    client.patch(f"/v2/storages/{storage['id']}/", json={"configuration": shown})

    path = f"/v2/storages/{storage['id']}/?with_configuration=true"
    assert client.get(path).json()["data"]["configuration"] == folder["configuration"]


def test_storages_that_cannot_be_opened_are_refused(client, tmp_path):
    (tmp_path / "file").write_text("")
    for body in (
        {"provider": "gcp", "configuration": {}},
        {"provider": "nothing", "configuration": {}},
        {"provider": "file_system", "configuration": {}},
        {"provider": "file_system", "configuration": {"location": "relative"}},
        {"provider": "file_system", "configuration": {"location": str(tmp_path / "file" / "below")}},
    ):
        answer = client.post("/v2/storages/", json={"name": "x", **body})

        assert answer.status_code == 400, body
        assert answer.json()["error"]["details"][0]["field"] == "configuration"


def test_storage_with_files_and_the_default_one_cannot_be_deleted(client, folder):
    storage = make_storage(client, **folder)
    path = f"/v2/storages/{storage['id']}/"
    client.post(f"/data_files/?storage={storage['id']}", files={"file": ("a", b"abc")})

    assert client.delete(path).status_code == 409
    assert client.delete("/v2/storages/1/").status_code == 409


def test_unused_storage_can_be_deleted(client, folder):
    storage = make_storage(client, **folder)

    assert client.delete(f"/v2/storages/{storage['id']}/").status_code == 204
    assert client.get(f"/v2/storages/{storage['id']}/").status_code == 404


def test_only_administrators_change_storages(client, make, folder):
    _, manager = make.user(project=make.project(), role=Role.ADMIN)

    assert manager.post("/v2/storages/", json={"name": "x", **folder}).status_code == 403
    assert manager.patch("/v2/storages/1/", json={"name": "x"}).status_code == 403
    assert manager.delete("/v2/storages/1/").status_code == 403


def test_storage_name_is_given_once(client, folder):
    make_storage(client, **folder)

    assert client.post("/v2/storages/", json={"name": "second", **folder}).status_code == 409


def test_folder_that_is_gone_is_named_and_nothing_is_marked_lost(client, folder, tmp_path):
    storage = make_storage(client, **folder)
    file_id = client.post(f"/data_files/?storage={storage['id']}", files={"file": ("a", b"abc")}).json()["id"]
    (tmp_path / "second").rename(tmp_path / "unmounted")

    answer = client.post("/v2/data-files/confirm-upload/", json={"ids": [file_id]})

    assert answer.status_code == 409
    assert client.get(f"/data_files/{file_id}/").json()["status"] == "confirmed"


@pytest.mark.parametrize("kind", ["data_files", "models", "plugin_releases"])
def test_an_upload_stays_where_its_bytes_went_though_the_default_changes(client, folder, monkeypatch, kind):
    """The bytes are in the one storage when another becomes the default."""
    second = make_storage(client, **folder)
    place = files.place_bytes

    def place_then_change(*arguments):
        content = place(*arguments)
        assert client.patch(f"/v2/storages/{second['id']}/", json={"is_default": True}).status_code == 200
        return content

    for module in (files, models, plugins):
        monkeypatch.setattr(module, "place_bytes", place_then_change)
    if kind == "plugin_releases":
        answer = publish(client)
    else:
        answer = client.post(f"/{kind}/", data={"name": "best"}, files={"file": ("best.pt", b"weights")})
    assert answer.status_code == 201, answer.text

    rows = client.get("/v2/data-files/").json()["data"]
    assert rows[0]["storage_id"] != second["id"]
    assert client.get(f"/data_files/{rows[0]['id']}/content/").status_code == 200
