"""A key goes to the server that it belongs to, and to no other."""

import json
import stat

import pytest

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import (
    DEFAULT_HOST,
    Credentials,
    create_backend_client,
    create_backend_v2_client,
    load_credentials,
    read_config,
    save_credentials,
    update_config,
)

HOME_SERVER, OTHER_SERVER = "https://home.example", "https://other.example"


@pytest.fixture
def kept(tmp_path):
    return save_credentials(f"{HOME_SERVER}/", "syn_kept", config_file=tmp_path / "deep" / "config.json")


def load(kept, env=None, **options):
    return load_credentials(env=env or {}, config_file=kept, **options)


def test_what_login_kept_is_found(kept):
    assert load(kept) == Credentials(HOME_SERVER, "syn_kept")


def test_the_file_is_for_its_owner_alone(kept):
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.chmod(0o644)
    update_config({"agent": 3}, config_file=kept)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [entry.name for entry in kept.parent.iterdir()] == ["config.json"]


def test_other_settings_stay_and_none_removes(kept):
    update_config({"agent": {"id": 3}}, config_file=kept)
    save_credentials(OTHER_SERVER, "syn_new", config_file=kept)
    assert read_config(kept) == {"host": OTHER_SERVER, "access_token": "syn_new", "agent": {"id": 3}}
    update_config({"agent": None}, config_file=kept)
    assert "agent" not in json.loads(kept.read_text())


def test_an_environment_token_without_a_host_goes_to_this_machine_only(kept):
    assert load(kept, {"SYNAPSE_ACCESS_TOKEN": "syn_env"}) == Credentials(DEFAULT_HOST, "syn_env")
    assert DEFAULT_HOST == "http://127.0.0.1:8100"


def test_a_kept_key_is_not_sent_to_another_server(kept):
    assert load(kept, {"SYNAPSE_HOST": OTHER_SERVER}) == Credentials(OTHER_SERVER, None)
    assert load(kept, host=OTHER_SERVER).access_token is None
    assert load(kept, host="http://home.example").access_token is None
    assert load(kept, host=f"{HOME_SERVER}:443/").access_token == "syn_kept"


def test_arguments_win_over_the_environment_and_that_over_the_file(kept):
    env = {"SYNAPSE_HOST": OTHER_SERVER, "SYNAPSE_ACCESS_TOKEN": "syn_env"}
    assert load(kept, env) == Credentials(OTHER_SERVER, "syn_env")
    assert load(kept, env, host="http://a", access_token="syn_arg") == Credentials("http://a", "syn_arg")


def test_a_key_that_is_typed_goes_to_the_server_of_the_login(kept, tmp_path):
    assert load(kept, access_token="syn_arg") == Credentials(HOME_SERVER, "syn_arg")
    assert load(kept, {"SYNAPSE_ACCESS_TOKEN": "syn_env"}, access_token="syn_arg").host == HOME_SERVER
    assert load(kept, {"SYNAPSE_HOST": OTHER_SERVER}, access_token="syn_arg").host == OTHER_SERVER
    assert load(tmp_path / "nothing.json", access_token="syn_arg") == Credentials(DEFAULT_HOST, "syn_arg")


def test_the_key_of_a_plugin_run_wins_over_the_machines(kept):
    env = {
        "SYNAPSE_HOST": OTHER_SERVER,
        "SYNAPSE_ACCESS_TOKEN": "syn_env",
        "SYNAPSE_PLUGIN_RUN_USER_TOKEN": "syn_run",
        "SYNAPSE_PLUGIN_RUN_TENANT": "lab",
    }
    assert load(kept, env) == Credentials(OTHER_SERVER, "syn_run", "lab")


def test_without_anything_the_host_is_this_machine_and_there_is_no_key(tmp_path):
    found = load(tmp_path / "nothing.json")
    assert found == Credentials(DEFAULT_HOST, None)
    for create in (create_backend_client, create_backend_v2_client):
        with pytest.raises(ConfigurationError, match="synapse login"):
            create(found)


def test_clients_are_made_for_the_host_that_was_found():
    found = Credentials("http://lab.example.org:8100", "syn_x", "lab")
    with create_backend_client(found) as v1, create_backend_v2_client(found) as v2:
        assert v1.base_url == v2.base_url == "http://lab.example.org:8100"


@pytest.mark.parametrize("host", ["example.com", "ftp://example.com", "http://", "http://[::1", "http://a:99999"])
def test_a_host_that_is_no_address_is_refused(kept, host):
    with pytest.raises(ConfigurationError):
        load(kept, host=host, access_token="x")
    with pytest.raises(ConfigurationError):
        save_credentials(host, "x", config_file=kept)


@pytest.mark.parametrize("content", ["{", "[]", '"x"'])
def test_a_broken_file_is_named(kept, content):
    kept.write_text(content)
    with pytest.raises(ConfigurationError, match=r"config\.json cannot be read"):
        load(kept)


def test_a_key_is_not_shown_by_repr(kept):
    assert "syn_kept" not in repr(load(kept))
