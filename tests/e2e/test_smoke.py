"""The way into the web UI, and that this harness sees what it must."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import axe


def test_who_is_not_logged_in_is_asked_for_a_key(site, open_page, watch):
    watch.allow("status of 401")
    page = open_page(token=None)

    page.goto("/")

    expect(page).to_have_url(re.compile("/login"))
    axe(page)
    page.get_by_label("Access key").fill(site.token)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation").first).to_be_visible()


def test_who_has_a_session_is_let_in(page):
    page.goto("/")

    expect(page.get_by_role("navigation").first).to_be_visible()
    axe(page)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("console.error('no luck')", "no luck"),
        ("setTimeout(() => { throw new Error('no such thing') })", "no such thing"),
        ("fetch('http://synapse.invalid/').catch(() => 0)", "Content Security Policy"),
        ("location.href = 'http://synapse.invalid/'", "another host: http://synapse.invalid/"),
        (
            "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
            "Content Security Policy",
        ),
    ],
)
def test_what_a_page_does_wrong_is_seen(page, watch, script, said):
    page.goto("/")
    page.evaluate(script)
    # The browser tells it a moment later, and only while something waits for it.
    for _ in range(600):
        if watch.errors:
            break
        page.wait_for_timeout(100)

    seen = "\n".join(watch.errors)
    watch.allow("")

    assert said in seen
