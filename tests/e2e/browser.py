"""Debian's Chromium, and what it must never do: report an error, break its policy, or ask another host."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.e2e.site import Site

ROOT = Path(__file__).parents[2]
UI = ROOT / "web_helper" / "backend" / "static" / "index.html"
AXE = ROOT / "web_helper" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM = Path(__file__).with_name("chromium.py")
# Git ignores it, and `make clean` removes it.
LEFT = ROOT / ".pytest_cache" / "e2e"
# Two slow cores that others use, too.
MILLISECONDS = 120_000
WINDOW = {"width": 1440, "height": 900}
BAD = ("serious", "critical")


def missing() -> str:
    """Why there is nothing to test with; empty when there is."""
    if shutil.which("chromium") is None:
        return "no Chromium: apt-get install chromium"
    if not UI.exists():
        return "the web UI is not built: make install"
    return ""


def need_browser() -> None:
    """Skip where a browser or the UI is missing, or fail where they are required."""
    reason = missing()
    if reason and os.environ.get("SYNAPSE_REQUIRE_CHROMIUM") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@contextmanager
def run_browser() -> Iterator[Browser]:
    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as playwright:
        # Root needs no sandbox of its own here; no name but this host's own is ever resolved.
        arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


class Watch:
    """What the pages of one test did wrong."""

    def __init__(self, site: Site) -> None:
        self._host = urlsplit(site.url).hostname
        self._errors: list[str] = []
        self._allowed: list[str] = []

    def allow(self, pattern: str) -> None:
        """This error is what the test is about, such as `status of 404`."""
        self._allowed.append(pattern)

    @property
    def errors(self) -> list[str]:
        return [error for error in self._errors if not any(re.search(pattern, error) for pattern in self._allowed)]

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._errors.append(f"exception: {error.error}"))
        context.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A policy that something breaks is reported here, too.
        if message.type == "error":
            self._errors.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob", "about"} and address.hostname != self._host:
            self._errors.append(f"another host: {request.url}")


def new_context(browser: Browser, site: Site, *, token: str | None) -> BrowserContext:
    """A browser of its own, with the session of a token's owner, or with none."""
    context = browser.new_context(
        base_url=site.url, viewport=WINDOW, locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
    )
    context.set_default_timeout(MILLISECONDS)
    if token is not None:
        answer = context.request.post("/v2/session/", data={"key": token}, headers={"Origin": site.url})
        assert answer.ok, answer.text()
    context.tracing.start(snapshots=True)
    return context


def keep(context: BrowserContext, name: str) -> list[Path]:
    """A screenshot of each page, and the trace (`python -m playwright show-trace FILE`)."""
    LEFT.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^\w.-]+", "-", name)[-120:]
    kept = [LEFT / f"{stem}-{number}.png" for number in range(len(context.pages))]
    for page, path in zip(context.pages, kept, strict=True):
        page.screenshot(path=path)
    context.tracing.stop(path=LEFT / f"{stem}.zip")
    return [*kept, LEFT / f"{stem}.zip"]


def axe(page: Page, within: str = "body") -> None:
    """Nothing that keeps people out, by axe-core's rules: no serious and no critical finding.

    Args:
        within: What is looked at, as a CSS selector.
    """
    page.evaluate(AXE.read_text())
    found = page.evaluate("within => axe.run(within, {resultTypes: ['violations']})", within)
    bad = [
        {"rule": each["id"], "help": each["help"], "where": [node["html"][:200] for node in each["nodes"][:5]]}
        for each in found["violations"]
        if each["impact"] in BAD
    ]
    assert not bad, json.dumps(bad, indent=1)
