"""Releases that are sent as nothing but their archive, as a browser does."""

import io
import zipfile

import pytest

from tests.backend.plugins.archives import zip_of

YAML = "name: Coins\ncode: coins\nversion: 1.2.0\nactions:\n  count:\n    entrypoint: plugin.main.Count\n"


def send(client, archive, **fields):
    return client.post("/v2/plugin-releases/", data=fields, files={"file": ("a.zip", archive)})


def test_an_archive_says_what_it_is(client):
    release = send(client, zip_of({"config.yaml": YAML, "plugin/main.py": ""}))

    assert release.status_code == 201, release.text
    data = release.json()["data"]
    assert (data["plugin_code"], data["version"], data["is_debug"]) == ("coins", "1.2.0", False)
    assert data["config"]["actions"]["count"]["entrypoint"] == "plugin.main.Count"
    assert send(client, zip_of({"config.yaml": YAML})).status_code == 409


def test_a_release_to_try_out_may_come_again(client):
    archive = zip_of({"synapse.yaml": YAML})

    first = send(client, archive, debug="true").json()["data"]

    assert first["is_debug"]
    assert send(client, archive, debug="true").json()["data"]["id"] == first["id"]


BOMB = "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\nname: n\ncode: c\n"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"plugin/main.py": ""}, "no config.yaml or synapse.yaml at its top"),
        ({"folder/config.yaml": YAML}, "not the folder"),
        ({"config.yaml": YAML, "synapse.yaml": YAML}, "config.yaml"),
        ({"config.yaml": "code: [unclosed"}, "cannot be read as YAML"),
        ({"config.yaml": "- a list"}, "must be a mapping"),
        ({"config.yaml": "code: coins"}, "name is missing"),
        ({"config.yaml": YAML.replace("1.2.0", "1.2")}, "put it in quotes"),
        ({"config.yaml": YAML.replace("code: coins", "code: ../coins")}, "code is"),
        ({"config.yaml": BOMB}, "aliases"),
        ({"config.yaml": "# " + "x" * (1 << 20)}, "larger than 1 MiB"),
        ({"config.yaml": b"\xff\xfe"}, "cannot be read"),
    ],
)
def test_an_archive_that_cannot_say_it_is_refused_at_the_field(client, files, said):
    refused = send(client, zip_of(files))

    assert refused.status_code == 400
    [detail] = refused.json()["error"]["details"]
    assert detail["field"] == "file"
    assert said in detail["message"]
    assert "/tmp" not in refused.text
    assert client.get("/v2/plugins/").json()["data"] == []


def test_part_of_the_fields_is_refused(client):
    archive = zip_of({"config.yaml": YAML})

    for fields in ({"plugin": "coins"}, {"version": "1.2.0"}, {"config": "{}"}):
        assert send(client, archive, **fields).status_code == 400


def test_an_archive_whose_configuration_is_damaged_is_refused(client):
    archive = zip_of({"config.yaml": YAML})
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        start = opened.infolist()[0].header_offset + 30 + len("config.yaml")
    damaged = archive[:start] + b"#" + archive[start + 1 :]

    refused = send(client, damaged)

    assert (refused.status_code, refused.json()["error"]["details"][0]["field"]) == (400, "file")
