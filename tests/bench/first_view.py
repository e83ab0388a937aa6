"""How long until the web UI's first page can be used: from the navigation to what waits for somebody, in Chromium.

`python -m tests.bench.first_view`: a browser that has never been here (nothing cached), and one that has.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext

from tests.bench.goals import Goal, middle, print_goals
from tests.e2e.browser import new_context, run_browser
from tests.e2e.site import Site, run_site

USABLE_SECONDS = 1.0
ROUNDS = 9
# Milliseconds since the navigation began, when the page's answer to "what needs me?" stands.
WATCH = """
new MutationObserver((_, observer) => {
  if (document.querySelector("#home-needs") === null) return;
  window.usableAfter = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
# Without headers and without answers of the API.
TRANSFERRED = """performance.getEntriesByType("resource").filter((entry) => entry.name.includes("/assets/"))
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="synapse-bench-") as folder,
        run_site(Path(folder)) as site,
        run_browser() as browser,
    ):
        print_goals(list(first_views(browser, site, given.rounds)), as_json=given.as_json)


def first_views(browser: Browser, site: Site, rounds: int) -> Iterator[Goal]:
    strangers, guests, sizes = [], [], []
    for _ in range(rounds):
        context = new_context(browser, site, token=site.token)
        context.tracing.stop()
        seconds, size_bytes = open_home(context)
        strangers.append(seconds)
        sizes.append(size_bytes)
        guests.append(open_home(context)[0])
        context.close()
    yield Goal("first page usable, nothing cached", middle(strangers), USABLE_SECONDS, "s")
    yield Goal("the same, cached", middle(guests), USABLE_SECONDS, "s")
    yield Goal("assets transferred, nothing cached", middle(sizes) / 1000, 200.0, "kB")


def open_home(context: BrowserContext) -> tuple[float, float]:
    """Seconds until the first page can be used, and bytes that came for it."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto("/")
    page.get_by_role("heading", name="Needs you").wait_for()
    seconds, size_bytes = page.evaluate("window.usableAfter") / 1000, page.evaluate(TRANSFERRED)
    page.close()
    return seconds, size_bytes


if __name__ == "__main__":
    main()
