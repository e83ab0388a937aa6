"""Models: registered with their weights, and with the release that made them."""

from tests.backend.data.uploads import send
from tests.backend.plugins.archives import publish


def test_model_comes_with_its_weights_in_a_form(client):
    form = {"name": "best", "metadata": '{"map": 0.5}'}

    answer = client.post("/models/", data=form, files={"file": ("best.pt", b"weights")})

    assert answer.status_code == 201, answer.text
    model = answer.json()
    assert (model["name"], model["metadata"]) == ("best", {"map": 0.5})
    assert client.get(model["url"]).content == b"weights"
    assert client.get(f"/v2/models/{model['id']}/").json()["data"]["data_file_id"] == model["data_file_id"]


def test_model_of_an_uploaded_file_names_the_release_that_made_it(client):
    release = publish(client).json()["data"]["id"]
    file_id = send(client, b"weights")
    body = {"name": "best", "plugin": "yolo", "version": "1.0.0", "data_file": file_id}

    model = client.post("/v2/models/", json=body).json()["data"]

    assert (model["plugin_release_id"], model["data_file_id"], model["version"]) == (release, file_id, "1.0.0")
    listed = client.get("/models/", params={"plugin_release": release, "search": "BEST"}).json()["results"]
    assert [row["id"] for row in listed] == [model["id"]]


def test_wrong_models_are_refused(client, make):
    for body, status in (
        ({}, 400),
        ({"name": "x", "colour": "red"}, 400),
        ({"name": "x", "data_file": 4711}, 404),
        ({"name": "x", "plugin_release": 4711}, 404),
        ({"name": "x", "plugin": "yolo", "version": "9"}, 404),
    ):
        assert client.post("/v2/models/", json=body).status_code == status, body
    assert client.post("/models/", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    stolen = {"name": "x", "data_file": send(client, b"weights")}
    assert make.user()[1].post("/v2/models/", json=stolen).status_code == 404


def test_model_is_changed_and_deleted(client, make):
    model = client.post("/v2/models/", json={"name": "a"}).json()["data"]
    path = f"/v2/models/{model['id']}/"

    assert client.patch(path, json={"name": "b", "metadata": {"x": 1}}).json()["data"]["name"] == "b"
    assert make.user()[1].delete(path).status_code == 403
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
