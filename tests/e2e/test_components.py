"""Components in the browser: find one, read it, compare its versions, activate one or a set, take it back."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import axe
from tests.e2e.lab import Lab, in_both_themes, unique

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
FIRST = f'''"""{HOSTILE}"""


class Net:
    def forward(self, x):
        return x
'''
SECOND = FIRST.replace("return x", "return 2 * x")


@pytest.fixture(scope="module")
def lab(site, tmp_path_factory):
    lab = Lab(site, tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def name(lab):
    """A component with two versions, of which the second is active."""
    name = unique("net")
    lab.put({f"model/{name}.py": FIRST}, "the first try")
    lab.put({f"model/{name}.py": SECOND}, f"twice as much {HOSTILE}")
    return name


def open_component(page, name):
    page.goto("/components")
    page.get_by_role("searchbox", name="Filter by name").fill(name)
    page.get_by_role("navigation", name="Components by category").get_by_role("link", name=re.compile(name)).click()
    expect(page.get_by_role("heading", name=f"model/{name}.py")).to_be_visible()


def test_a_component_is_found_and_read_with_outline_and_history(page, name):
    open_component(page, name)

    code = page.get_by_role("textbox", name=f"Code of model/{name}.py at")
    expect(code).to_contain_text("return 2 * x")
    # What is in the code stays text.
    expect(code).to_contain_text(HOSTILE)
    outline = page.get_by_role("list", name="Outline")
    expect(outline.get_by_role("button", name="class Net")).to_be_visible()
    outline.get_by_role("button", name="function forward").click()
    history = page.get_by_role("region", name="Version history")
    expect(history.get_by_role("listitem").filter(has_text="the first try")).to_contain_text("admin@localhost")
    expect(history.get_by_text(f"twice as much {HOSTILE}").first).to_be_visible()
    expect(page).not_to_have_title("owned")
    in_both_themes(page, lambda: axe(page))


def test_two_versions_are_compared_side_by_side_and_the_address_keeps_it(page, lab, name):
    before, after = (row["hash"] for row in reversed(lab.store.list_versions("model", name)))
    open_component(page, name)
    page.get_by_role("combobox", name=f"Compare {after[:8]} with").select_option(label=before[:8])

    for _ in range(2):
        expect(page.get_by_role("textbox", name=f"model/{name}.py at {before}")).to_contain_text("return x")
        expect(page.get_by_role("textbox", name=f"model/{name}.py at {after}")).to_contain_text("return 2 * x")
        page.reload()
    in_both_themes(page, lambda: axe(page))
    page.get_by_role("button", name="Close the comparison").click()
    expect(page.get_by_role("textbox", name=f"Code of model/{name}.py at {after}")).to_be_visible()


def test_a_version_is_rolled_back_and_activated_with_a_reason(page, lab, name):
    path = f"model/{name}.py"
    before, after = (row["hash"] for row in reversed(lab.store.list_versions("model", name)))
    open_component(page, name)
    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("button", name=f"Activate {after[:8]}")).to_be_visible()
    assert lab.active_hash(path) == before

    page.get_by_role("button", name=f"Activate {after[:8]}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill("twice is better")
    axe(page)
    dialog.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("region", name="Version history").get_by_text("twice is better")).to_be_visible()
    assert lab.active_hash(path) == after


def test_a_name_points_to_a_version(page, lab, name):
    path = f"model/{name}.py"
    before = lab.store.list_versions("model", name)[-1]["hash"]
    open_component(page, name)
    page.get_by_role("button", name=f"More about {before[:8]}").press("Enter")
    page.get_by_role("menuitem", name="Point a name here").press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("paper-2026")
    dialog.get_by_role("button", name="Point it here").click()

    expect(page.get_by_role("region", name="Version history").get_by_text("paper-2026", exact=True)).to_be_visible()
    assert {row["alias"]: row["hash"] for row in lab.store.list_aliases(path)}["paper-2026"] == before


def test_a_set_is_activated_together(page, lab, name):
    other = unique("loss")
    lab.put({f"loss/{other}.py": "x = 1\n"})
    lab.put({f"loss/{other}.py": "x = 2\n"})
    paths = [f"model/{name}.py", f"loss/{other}.py"]
    old = {path: lab.store.list_versions(*path.removesuffix(".py").split("/"))[-1]["hash"] for path in paths}
    page.goto("/components")
    for path in paths:
        page.get_by_role("searchbox", name="Filter by name").fill(path.split("/")[1].removesuffix(".py"))
        page.get_by_role("navigation", name="Components by category").get_by_role("listitem").get_by_role(
            "link"
        ).click()
        page.get_by_role("button", name=f"More about {old[path][:8]}").click()
        page.get_by_role("menuitem", name="Add to set").click()
        expect(page.get_by_role("button", name=f"Remove {path} from the set")).to_be_visible()
    page.get_by_role("button", name="Activate 2 versions").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Reason").fill("they belong together")
    dialog.get_by_role("button", name="Activate").click()

    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Activate 2 versions")).to_be_hidden()
    assert {path: lab.active_hash(path) for path in paths} == old


def test_every_change_is_listed_with_who_and_why_and_can_be_undone(page, lab, name):
    path = f"model/{name}.py"
    before, after = (row["hash"] for row in reversed(lab.store.list_versions("model", name)))
    reason = unique("reason")
    lab.store.change([{"path": path, "hash": before}], reason=reason)
    page.goto("/components?show=changes")

    row = page.get_by_role("row").filter(has_text=reason)
    expect(row).to_contain_text("admin@localhost")
    expect(row).to_contain_text(f"active: {after[:8]} → {before[:8]}")
    axe(page)
    row.get_by_role("button", name=re.compile("^Undo change")).click()
    page.get_by_role("dialog").get_by_role("button", name="Undo").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert lab.active_hash(path) == after


def test_scan_local_says_what_it_found(page):
    page.goto("/components")
    page.get_by_role("button", name="Scan Local").click()

    expect(page.get_by_role("status").filter(has_text="files")).to_be_visible()


def test_experiments_that_ran_with_a_version_are_told(page, lab, name):
    path, uid = f"model/{name}.py", unique("run")
    lab.store.save_manifest(uid, {path: lab.active_hash(path)})
    open_component(page, name)
    page.get_by_role("button", name="1 experiment ran with it").click()

    expect(page.get_by_role("dialog").get_by_text(uid)).to_be_visible()
