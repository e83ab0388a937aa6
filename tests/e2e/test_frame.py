"""The frame: logging in and out, ends of sessions, lost connections, look and language, the keyboard, hostile names."""

import re
import uuid

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import axe

HOSTILE = '<img src=x onerror="document.title=`broken`"><script>document.title=`broken`</script>'
SECTIONS = ("You", "Access tokens", "Members", "Users", "Storages", "Agents")


def unique(name):
    return f"{name} {uuid.uuid4().hex[:8]}"


@pytest.fixture
def person(site):
    """Somebody with a token of their own: the user's id, the token's id and the key."""
    user = site.v2.users.create(email=f"{uuid.uuid4().hex}@example.org", name=unique("Ada"))
    token = site.v2.tokens.create(user=user["id"], name="laptop", scopes=["read", "write"])
    return {"user": user, "token": token}


def fail_export(page, site, name):
    body = {"name": name, "target": "task", "project": site.project, "format": "yolo", "options": {"task": "pose"}}
    answer = page.request.post(
        f"{site.url}/v2/dataset-exports/",
        data=body | {"strict": True},
        headers={"Authorization": f"Token {site.token}"},
    )
    assert answer.status == 202, answer.text()
    page.goto("/exports")
    expect(page.get_by_role("row", name=name)).to_contain_text("Failed")


def test_the_one_click_link_logs_in_and_leaves_no_key_behind(site, open_page):
    page = open_page(token=None)
    page.goto(site.one_click_url)

    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    assert site.token not in page.url
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "syn_" not in stored


def test_a_narrow_window_is_enough(page, site):
    """Only what scrolls by itself is wider: tables, and the navigation."""
    fail_export(page, site, unique("an export whose name says a lot and which failed all the same"))
    page.set_viewport_size({"width": 400, "height": 800})
    task = next(iter(site.v2.tasks.list(project=site.project)))["id"]
    tasks = f"/projects/{site.project}/tasks"
    for path in (
        "/",
        tasks,
        f"{tasks}/{task}",
        "/exports?new=true",
        "/plugins",
        "/experiments/new",
        "/settings/tokens",
    ):
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.get_by_role("status", name="Loading")).to_have_count(0)
        assert page.evaluate("(all => all.scrollWidth - all.clientWidth)(document.querySelector('main'))") == 0, path
        assert page.evaluate("document.documentElement.scrollWidth") == 400, path
        expect(page.get_by_role("button", name="Log out")).to_be_in_viewport()


def test_a_session_that_ends_brings_the_login_and_then_back(site, open_page, watch, person):
    watch.allow("status of 401")
    page = open_page(token=person["token"]["key"])
    page.goto("/settings/members")
    expect(page.get_by_role("heading", name="Members")).to_be_visible()

    # The bell asks every few seconds: it shall not find the end of the session before the click does.
    page.route("**/api/notifications*", lambda route: route.fulfill(json={"data": []}))
    site.v2.tokens.delete(person["token"]["id"])
    page.get_by_role("link", name="Access tokens").click()

    page.get_by_label("Access key").fill("syn_wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("The access token is unknown.")).to_be_visible()
    key = site.v2.tokens.create(user=person["user"]["id"], name="another", scopes=["read", "write"])["key"]
    page.get_by_label("Access key").fill(key)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    expect(page).to_have_url(re.compile("/settings/tokens"))


def test_logging_out_ends_the_session(open_page, watch, person):
    watch.allow("status of 401")
    page = open_page(token=person["token"]["key"])
    page.goto("/")
    page.get_by_role("button", name="Log out").click()

    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto("/settings/tokens")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_lost_connection_is_said_and_recovered_from(page, watch):
    watch.allow("ERR_INTERNET_DISCONNECTED")
    page.goto("/settings/storages")
    expect(page.get_by_role("cell", name="default").first).to_be_visible()

    page.context.set_offline(True)
    expect(page.get_by_text("The server cannot be reached")).to_be_visible()
    page.get_by_role("link", name="Agents").click()
    page.context.set_offline(False)

    expect(page.get_by_text("The server cannot be reached")).to_be_hidden()
    expect(page.get_by_role("table", name="Agents")).to_be_visible()


def test_a_token_is_made_used_and_revoked(site, page, open_page, watch):
    watch.allow("status of 401")
    name = unique("laptop")
    page.goto("/settings/tokens")
    page.get_by_role("button", name="Create a token").click()
    dialog = page.get_by_role("dialog", name="Create a token")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create").click()
    key = page.get_by_role("dialog", name="Copy the key now").get_by_text("syn_").inner_text()
    page.get_by_role("button", name="Close").click()

    other = open_page(token=key)
    other.goto("/")
    expect(other.get_by_role("heading", name="Home")).to_be_visible()

    page.get_by_role("button", name=f"Revoke {name}").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_hidden()
    other.reload()
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_user_is_added_and_made_a_member(site, page, watch):
    watch.allow("status of 4(00|09)")
    email = f"{uuid.uuid4().hex}@example.org"
    project = site.v2.projects.create(name=unique("members"))
    page.goto("/settings/users")
    page.get_by_role("button", name="Add a user").click()
    dialog = page.get_by_role("dialog", name="Add a user")
    dialog.get_by_label("E-mail address").fill("no address")
    dialog.get_by_role("button", name="Add a user").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_role("button", name="Add a user").click()
    expect(dialog).to_be_hidden()

    page.get_by_role("link", name="Members").click()
    page.get_by_label("Project").select_option(project["name"])
    page.get_by_role("button", name="Add a member").click()
    dialog = page.get_by_role("dialog", name="Add a member")
    dialog.get_by_label("E-mail address").fill(email)
    dialog.get_by_role("button", name="Add a member").click()
    page.get_by_label(f"Role of {email}").select_option("manager")
    # It is shown when the server has it: a page that is left before takes its request along.
    expect(page.get_by_label(f"Role of {email}")).to_have_value("manager")

    page.reload()
    expect(page.get_by_label(f"Role of {email}")).to_have_value("manager")


def test_names_never_become_markup(site, page):
    site.v2.projects.create(name=unique(HOSTILE))
    user = site.v2.users.create(email=f"{uuid.uuid4().hex}@example.org", name=unique(HOSTILE))
    for path in ("/", "/settings/users", "/settings/members"):
        page.goto(path)
        expect(page.get_by_role("heading").first).to_be_visible()
    page.goto("/settings/users")
    expect(page.get_by_text(user["name"])).to_be_visible()
    assert page.title() == "Synapse"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_home_and_settings_keep_nobody_out(page, theme):
    page.emulate_media(color_scheme=theme)
    page.goto("/")
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    axe(page)
    page.get_by_role("navigation").get_by_role("link", name="Settings").click()
    for section in SECTIONS:
        page.get_by_role("navigation", name="Settings").get_by_role("link", name=section).click()
        expect(page.get_by_role("heading", name=section, exact=True)).to_be_visible()
        axe(page)


def test_the_keyboard_reaches_the_content_at_once(page):
    page.goto("/")
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_language_and_theme_stay(page):
    page.goto("/settings/profile")
    page.get_by_role("region", name="You").get_by_label("Language").select_option("ko")
    page.get_by_label("테마", exact=True).select_option("dark")
    page.reload()

    expect(page.get_by_role("heading", name="설정")).to_be_visible()
    assert page.evaluate("document.documentElement.className") == "dark"
    assert page.evaluate("document.documentElement.lang") == "ko"


def test_a_page_that_is_none_says_so(page):
    page.goto("/no/such/page")
    expect(page.get_by_text("There is no such page")).to_be_visible()


def test_the_policy_comes_with_the_page(page):
    policy = page.goto("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
