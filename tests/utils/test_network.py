"""What may be said, and where a URL leads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse_sdk.clients.keyed import path_part
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.network import (
    http_to_websocket_url,
    is_loopback,
    is_same_origin,
    is_trusted_network,
    sanitize_detail,
    sanitize_error_message,
    validate_resource_id,
    validate_timeout,
)

KEY = "syn_" + "Ab-_" * 10 + "xyz"


@pytest.mark.parametrize(
    ("message", "clean"),
    [
        (f"GET https://a.example/x/?token={KEY}&b=1 failed", "GET https://a.example/x/?*** failed"),
        (f"token {KEY} refused", "token syn_*** refused"),
        ("Authorization: Token abcdefghij", "Authorization: Token ***"),
        ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer ***"),
        ("http://me:pass@host/x", "http://***@host/x"),
        ("from_http://me:pass@host/x", "from_http://***@host/x"),
        ("{'password': 'hunter2', 'name': 'x'}", "{'password': ***, 'name': 'x'}"),
        ("secret_key=abc123 region=x", "secret_key=*** region=x"),
        ("http://h/objects/eyJ0.abc-DEF/exports/a.jpg", "http://h/objects/***/exports/a.jpg"),
        ("http://h/payloads/eyJ0.abc/", "http://h/payloads/***/"),
        ("POST agents/key-of-agent/connect/: broke", "POST agents/***/connect/: broke"),
        ("GET agents/3/: broke", "GET agents/3/: broke"),
        ("http://h/a#token=abc", "http://h/a?***"),
        ("Nothing to hide: 3 of 5 rows failed.", "Nothing to hide: 3 of 5 rows failed."),
    ],
)
def test_messages_lose_what_could_open_a_door(message, clean):
    assert sanitize_error_message(message) == clean


@given(
    before=st.text(max_size=20),
    key=st.from_regex(r"syn_[A-Za-z0-9_-]{43}", fullmatch=True),
    query=st.from_regex(r"[a-z]{1,8}=[A-Za-z0-9%]{1,40}", fullmatch=True),
)
def test_no_key_and_no_query_survives(before, key, query):
    clean = sanitize_error_message(f"{before} https://host.example/path?{query} and {key}")
    assert key not in clean
    assert f"?{query}" not in clean


@pytest.mark.parametrize("piece", ["a.", "a://", "a://b:", "?://x", "password ", "Bearer ", "agents/a/"])
def test_long_messages_are_cleaned_in_one_pass(piece):
    """Looked at again from each dot or scheme on, such a message took the better part of an hour."""
    message = piece * 200_000
    assert sanitize_error_message(f"{message} {KEY}").endswith(" syn_***")


def test_error_bodies_are_cleaned_all_the_way_down():
    body = {"error": {"message": f"key {KEY}", "details": [{"field": "url", "message": "http://a/?x=1"}]}, "n": 3}
    assert sanitize_detail(body) == {
        "error": {"message": "key syn_***", "details": [{"field": "url", "message": "http://a/?***"}]},
        "n": 3,
    }


def test_origins_are_scheme_host_and_port():
    assert is_same_origin("http://A.example/x", "http://a.example:80/y?z")
    assert not is_same_origin("http://a.example", "https://a.example")
    assert not is_same_origin("http://a.example", "http://a.example:8080")
    assert not is_same_origin("http://a.example@evil.example/", "http://a.example/")


@pytest.mark.parametrize(
    ("url", "loopback", "trusted"),
    [
        ("http://127.0.0.1:8100", True, True),
        ("http://localhost", True, True),
        ("http://[::1]:1", True, True),
        ("http://10.1.2.3", False, True),
        ("http://server:8100", False, True),
        ("http://nas.local", False, True),
        ("http://93.184.216.34", False, False),
        ("http://synapse.example.org", False, False),
    ],
)
def test_networks_are_told_apart(url, loopback, trusted):
    assert (is_loopback(url), is_trusted_network(url)) == (loopback, trusted)


def test_websocket_urls_keep_their_security():
    assert http_to_websocket_url("https://a/x?y=1") == "wss://a/x?y=1"
    assert http_to_websocket_url("http://a:81/x") == "ws://a:81/x"
    with pytest.raises(ConfigurationError):
        http_to_websocket_url("ftp://a")


@pytest.mark.parametrize("resource_id", ["", "../users", "a/b", "a?b", "a b", "%2e%2e", "."])
def test_an_id_cannot_leave_its_place_in_the_path(resource_id):
    with pytest.raises(ConfigurationError):
        validate_resource_id(resource_id)


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_part_of_a_path_cannot_leave_its_place(text):
    with pytest.raises(ConfigurationError):
        path_part(text)


def test_a_part_of_a_path_may_hold_anything_else():
    assert path_part("../a b?c#d%e") == "..%2Fa%20b%3Fc%23d%25e"


@pytest.mark.parametrize("resource_id", [1, "my-plugin", "plugin@1.0.0", "7f3c9a52-0000-4000-8000-000000000000"])
def test_ids_and_codes_are_allowed(resource_id):
    assert validate_resource_id(resource_id) == str(resource_id)


def test_timeouts_are_bounded():
    assert validate_timeout(5) == 5.0
    for seconds in (0, -1, 10_000):
        with pytest.raises(ConfigurationError):
            validate_timeout(seconds)
