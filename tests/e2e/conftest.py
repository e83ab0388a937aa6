"""Tests in a browser. Those of this folder are `system` and `e2e`, and one worker runs them all, on one platform."""

import sys
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.browser import Watch, keep, need_browser, new_context, run_browser
from tests.e2e.site import Site, run_site


def pytest_itemcollected(item: pytest.Item) -> None:
    for mark in (pytest.mark.system, pytest.mark.e2e, pytest.mark.xdist_group("e2e")):
        item.add_marker(mark)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    item.failed = getattr(item, "failed", False) or report.failed
    return report


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Iterator[Site]:
    need_browser()
    with run_site(tmp_path_factory.mktemp("site")) as site:
        yield site


# Not of the session: Playwright holds this thread's event loop, which tests of other folders use.
@pytest.fixture(scope="module")
def browser(site) -> Iterator[Browser]:
    with run_browser() as browser:
        yield browser


@pytest.fixture
def watch(site) -> Watch:
    """Tells which errors a test expects: `watch.allow("status of 404")`."""
    return Watch(site)


@pytest.fixture
def open_page(request, site, browser, watch) -> Iterator[Callable[..., Page]]:
    """Pages of browsers that share nothing: `open_page(token=...)`, or `token=None` for somebody not logged in."""
    contexts: list[BrowserContext] = []

    def build(token: str | None = site.token) -> Page:
        context = new_context(browser, site, token=token)
        contexts.append(context)
        watch.follow(context)
        return context.new_page()

    yield build
    errors = watch.errors
    if errors or getattr(request.node, "failed", False):
        for number, context in enumerate(contexts):
            sys.stdout.write(f"kept: {[str(path) for path in keep(context, f'{request.node.name}-{number}')]}\n")
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)


@pytest.fixture
def page(open_page) -> Page:
    """A page whose visitor is logged in as the administrator; it is still blank."""
    return open_page()
