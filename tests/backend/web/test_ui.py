"""The built UI: one page for every address of its own, files that are kept for ever, and nothing from outside."""

import gzip

import pytest

from tests.backend.factories import SQLITE_ONLY
from web_helper.backend.api.web.ui import POLICY

pytestmark = SQLITE_ONLY
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
SCRIPT = b"console.log('loaded')\n" * 100


@pytest.fixture
def stranger(app, client, tmp_path):
    """A browser that is not logged in, before a UI that is built."""
    folder = tmp_path / "ui"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<!doctype html><div id="root"></div>')
    (folder / "assets" / "main-1a2b.js").write_bytes(SCRIPT)
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "secret.js").write_text("not an asset")
    app.state.ui_folder = folder
    client.headers.pop("Authorization")
    return client


@pytest.mark.parametrize("path", ["/", "/login?next=%2Fjobs", "/projects/5/tasks", "/experiments", "/a/b/c"])
def test_every_address_of_the_ui_answers_its_page_under_the_strict_policy(stranger, path):
    answer = stranger.get(path, headers=PAGE)
    assert answer.status_code == 200
    assert 'id="root"' in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    assert stranger.head(path, headers=PAGE).status_code == 200


def test_the_policy_allows_nothing_inline_evaluated_or_from_outside(stranger):
    policy = stranger.get("/", headers=PAGE).headers["content-security-policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    sources = {source for value in directives.values() for source in value.split()}
    assert directives["default-src"] == "'none'"
    assert sources <= {"'none'", "'self'", "blob:", "data:"}
    assert {name for name, value in directives.items() if "data:" in value or "blob:" in value} == {"img-src"}


@pytest.mark.parametrize("path", ["/v2/nothing/", "/v2/projects", "/objects/x/y", "/api/nothing", "/assets/none.js"])
def test_unknown_addresses_of_the_api_answer_as_the_api_does_even_to_a_browser(stranger, path):
    answer = stranger.get(path, headers=PAGE)
    assert answer.status_code in {403, 404}
    assert answer.json()["error"]["code"] in {"NOT_FOUND", "PERMISSION_DENIED"}


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing/"), ("POST", "/nothing/"), ("GET", "/projects")])
def test_programs_that_mistype_a_path_get_no_page(stranger, method, path):
    answer = stranger.request(method, path, headers={"Accept": "*/*"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "NOT_FOUND"


def test_the_api_is_the_api_also_for_a_browser(stranger):
    assert stranger.get("/projects/", headers=PAGE).status_code == 401
    assert stranger.get("/health/", headers=PAGE).json()["status"] == "ok"


def test_assets_are_kept_for_ever_and_sent_packed_to_whoever_takes_it(stranger):
    packed = stranger.get("/assets/main-1a2b.js")
    plain = stranger.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert packed.content == plain.content == SCRIPT
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT)
    assert "content-encoding" not in plain.headers
    for answer in (packed, plain):
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "name", ["../secret.js", "%2e%2e/secret.js", "..%2fsecret.js", "none.js", "", "main-1a2b.js.gz"]
)
def test_no_other_file_is_served(stranger, name):
    answer = stranger.get(f"/assets/{name}")
    assert answer.status_code == 404
    assert "not an asset" not in answer.text


def test_a_server_without_the_built_ui_says_what_to_run(stranger, app, tmp_path):
    app.state.ui_folder = tmp_path / "nothing"
    answer = stranger.get("/", headers=PAGE)
    assert answer.status_code == 503
    assert "make install" in answer.text
    assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_scripts_from_another_host(stranger, path):
    assert stranger.get(path).status_code == 404
