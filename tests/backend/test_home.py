"""The page behind the one-click URL."""

import re

import pytest


@pytest.mark.parametrize("path", ["/", "/home.js", "/home.css"])
def test_page_loads_without_a_token_and_allows_nothing_from_outside(client, path):
    answer = client.get(path, headers={"Authorization": ""})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not re.search(r"https?://", answer.text)


def test_page_has_no_inline_script_or_style(client):
    text = client.get("/").text
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|<style|\bon\w+=", text)


def test_other_files_are_not_served(client):
    assert client.get("/home.js/../../core/signing.py").status_code == 404
    assert client.get("/secret.key").status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_scripts_from_another_host(client, path):
    assert client.get(path).status_code == 404
