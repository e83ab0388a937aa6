"""Projects through the API."""


def test_project_is_made_with_a_collection_of_its_own_and_its_maker_as_administrator(client):
    made = client.post("/v2/projects/", json={"name": "birds"}).json()["data"]

    assert made["name"] == "birds"
    assert made["data_collection_id"] is not None
    assert client.get(f"/v2/projects/{made['id']}/").json()["data"] == made
    assert client.get(f"/projects/{made['id']}/").json() == made


def test_second_project_of_the_same_name_is_refused(client, make):
    make.project("birds")

    answer = client.post("/v2/projects/", json={"name": "birds"})

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "CONFLICT"
