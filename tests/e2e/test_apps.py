"""The playground in the browser: an app made, opened, stopped and removed; without containers, what to do."""

import re
import uuid
from contextlib import suppress

import pytest
from playwright.sync_api import expect

from tests.agent.stage import until
from tests.e2e.browser import axe
from tests.engines.needed import EngineMissingError, needed
from tests.playground.engines import REQUIRED, docker_engine, remove_all_of

CONFIG = 'name: Hello\ncode: {code}\nversion: "1.0.0"\nactions:\n  gradio:\n    entrypoint: plugin.app.app\n'
# An app that needs no package: nothing is fetched to build it.
APP = """\
import http.server, os

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<title>Hello</title><h1>Hello from the app</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("the app listens")
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["GRADIO_SERVER_PORT"])), Page).serve_forever()
"""
# The first build of a machine makes the image that all apps stand on.
BUILD_MILLISECONDS = 240_000
BROKEN = "print('reading weights')\nraise RuntimeError('no weights here')\n"


@pytest.fixture
def engine():
    # What an agent says of it at one moment is no measure: a busy one takes longer than a page waits.
    with needed(docker_engine(), REQUIRED) as engine:
        yield engine


def is_problem_shown(page):
    (host,) = page.request.get("/v2/playground-hosts/").json()["data"]
    return page.get_by_text(host["problem"]).first.is_visible()


def test_where_no_agent_can_make_containers_the_page_says_what_to_do(page):
    with suppress(EngineMissingError), docker_engine():
        pytest.skip("an agent can make containers")

    page.goto("/apps")

    expect(page.get_by_role("button", name="Create an app")).to_be_disabled()
    until(lambda: is_problem_shown(page))
    axe(page)
    page.get_by_role("button", name="Switch between light and dark").click()
    axe(page)


def test_an_app_that_is_not_there_is_said(page, watch):
    watch.allow("status of 404")

    page.goto("/apps/1-999999")

    expect(page.get_by_role("alert").first).to_be_visible()


@pytest.fixture
def publish(page, site, tmp_path, engine):
    """Publishes an app; answers the release's name."""

    def write(app: str) -> str:
        code = f"e2e-{uuid.uuid4().hex[:10]}"
        folder = tmp_path / code
        (folder / "plugin").mkdir(parents=True)
        (folder / "config.yaml").write_text(CONFIG.format(code=code))
        (folder / "plugin" / "__init__.py").touch()
        (folder / "plugin" / "app.py").write_text(app)
        # Its app is no action that could be imported here.
        site.synapse("plugin", "publish", "--path", str(folder), "--yes", "--debug")
        return f"{code}@1.0.0"

    yield write
    # A page that shows an app asks about it, which would be an error once it is gone.
    page.goto("about:blank")
    for container in page.request.get("/v2/playground-containers/").json()["data"]:
        if container["plugin_release"].startswith("e2e-"):
            page.request.delete(f"/v2/playground-containers/{container['id']}/")
    # An agent keeps images for the next container; this machine keeps none of a test.
    remove_all_of(engine, (site.home / "agent" / "playground" / "mark").read_text().strip())


def create_app(page, name):
    page.goto("/apps")
    page.get_by_role("button", name="Create an app").click()
    page.get_by_role("combobox", name="Release").select_option(name)
    page.get_by_role("button", name="Create", exact=True).click()


def test_an_app_is_made_opened_stopped_and_removed(page, publish):
    name = publish(APP)
    create_app(page, name)
    page.get_by_role("dialog").get_by_role("button", name="Open").click(timeout=BUILD_MILLISECONDS)

    expect(page.frame_locator("iframe").get_by_role("heading", name="Hello from the app")).to_be_visible()
    expect(page.get_by_role("region", name="What the app prints").get_by_text("the app listens")).to_be_visible()
    axe(page)

    page.get_by_role("button", name=f"Stop {name}").click()
    expect(page.get_by_text("It is stopped")).to_be_visible()
    page.get_by_role("button", name=f"Remove {name}").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Remove").click()
    expect(page).to_have_url(re.compile("/apps$"))
    expect(page.get_by_role("link", name=name)).to_have_count(0)


def test_an_app_that_does_not_start_says_why(page, publish):
    name = publish(BROKEN)
    create_app(page, name)
    expect(page.get_by_role("dialog").get_by_text("Failed", exact=True)).to_be_visible(timeout=BUILD_MILLISECONDS)
    expect(page.get_by_role("dialog").get_by_text("no weights here").first).to_be_visible()
    axe(page)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()

    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("alert").get_by_text("no weights here").first).to_be_visible()
    expect(page.get_by_role("button", name=f"Start {name}")).to_be_visible()
