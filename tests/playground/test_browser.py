"""A real Gradio app in a real browser: through the server, in a page's frame, and at the agent's endpoint."""

import os
import re
import shutil
from pathlib import Path

import pytest

from synapse_sdk.utils.file.archive import create_archive
from tests.playground.server import running_platform

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("playground")]
EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "coin-counter"
# What an app's script would do to act as its visitor.
ATTEMPTS = """async () => {
  const found = {origin: self.origin};
  const attempt = async (name, act) => {
    try { found[name] = await act(); } catch (error) { found[name] = error.name; }
  };
  await attempt("cookie", () => document.cookie);
  await attempt("storage", () => localStorage.length);
  await attempt("parent", () => parent.document.title);
  await attempt("top", () => { top.location.href; return "read"; });
  await attempt("account", async () => (await fetch("/users/me/", {credentials: "include"})).status);
  await attempt("change", async () => (await fetch("/v2/session/", {method: "DELETE", credentials: "include"})).status);
  await attempt("worker", async () => { await navigator.serviceWorker.register("sw.js"); return "registered"; });
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    if shutil.which("chromium") is None:
        reason = "no Chromium: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("SYNAPSE_REQUIRE_CHROMIUM") == "1" else pytest.skip(reason)
    from tests.e2e.browser import run_browser

    with run_browser() as browser:
        yield browser


@pytest.fixture
def photograph(tmp_path) -> Path:
    from skimage import data, io

    path = tmp_path / "coins.png"
    io.imsave(path, data.coins())
    return path


def count_coins(place, photograph: Path):
    """Use the app as a person does; `place` is a page or a frame of one."""
    from playwright.sync_api import expect

    place.locator("input[type=file]").first.set_input_files(photograph)
    expect(place.get_by_role("img").first).to_be_visible()
    place.get_by_role("button", name="Submit").click()
    # There are 24.
    expect(place.get_by_label("Count")).to_have_value(re.compile(r"^2\d coins$"))
    # The photograph comes back with the coins drawn in, and the browser can show it.
    drawn = place.locator("img[src*='gradio_api/file=']").last
    # It is loaded when it comes into view, and has no size before.
    drawn.evaluate("image => image.scrollIntoView()")
    expect(drawn).to_be_visible()
    assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") == 384


def test_a_browser_uses_the_example_through_the_server_and_directly(docker_host, browser, photograph, tmp_path):
    from tests.e2e.browser import MILLISECONDS

    archive = tmp_path / "coin-counter.zip"
    create_archive(EXAMPLE, archive)
    with running_platform(tmp_path / "server") as platform:
        platform.add_agent(docker_host)
        made = platform.upload(archive)
        context = browser.new_context(base_url=platform.url)
        context.set_default_timeout(MILLISECONDS)
        errors: list[str] = []
        context.on("weberror", lambda error: errors.append(str(error.error)))
        try:
            page = context.new_page()
            # Without a login it asks for one, and comes back to the app.
            page.goto(made["url"].removeprefix(made["url"].split("/playground/")[0]))
            assert page.url.startswith(f"{platform.url}/login?next=%2Fplayground%2F{made['id']}%2F")
            origin = {"Origin": platform.url}
            assert context.request.post("/v2/session/", data={"key": platform.token}, headers=origin).ok

            page.goto(f"/playground/{made['id']}/")
            assert f"/playground/{made['id']}/~" in page.url
            count_coins(page, photograph)

            # In a frame of one of the server's own pages, where its scripts gain nothing.
            page.goto("/health/")
            page.evaluate(
                """path => new Promise(done => {
                     const frame = document.createElement("iframe");
                     Object.assign(frame, {src: path, onload: done, width: 1200, height: 900});
                     document.body.replaceChildren(frame);
                   })""",
                f"/playground/{made['id']}/",
            )
            count_coins(page.frame_locator("iframe"), photograph)
            (frame,) = page.main_frame.child_frames
            found = frame.evaluate(ATTEMPTS)
            assert found.pop("origin") == "null"
            assert set(found.values()) == {"SecurityError", "TypeError"}, found
            assert context.request.get("/users/me/").ok

            page.goto(made["endpoint"])
            count_coins(page, photograph)
            assert errors == []
        finally:
            context.close()
