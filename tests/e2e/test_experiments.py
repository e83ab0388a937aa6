"""Experiments in the browser, on a real worker: submit, watch, hold still, compare, repeat; and the worker's card."""

import re

import pytest
from playwright.sync_api import expect

from tests.cvlabkit.tree import CONFIG
from tests.e2e.browser import axe
from tests.e2e.lab import WORKER_MILLISECONDS, Lab, in_both_themes, unique

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
DEVICE = unique("cpu").replace("_", "-")


@pytest.fixture(scope="module")
def lab(site, tmp_path_factory):
    """A worker that waits for experiments of components that need no torch."""
    lab = Lab(site, tmp_path_factory.mktemp("lab"))
    lab.put_kit()
    with lab.worker(DEVICE):
        yield lab
    lab.close()


PASTE = """(editor, text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    editor.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


def write_config(page, text: str) -> None:
    """Paste it over what is there: the browser's own editing of rich text sets styles, which the policy blocks."""
    editor = page.get_by_role("textbox", name="Config")
    editor.press("Control+a")
    editor.evaluate(PASTE, text)


def test_a_config_is_checked_previewed_and_submitted(page, lab):
    name = unique("grid")
    page.goto("/experiments")
    page.get_by_role("link", name="Submit an experiment").click()
    write_config(page, CONFIG.replace("scaled(scale=2)", "nowhere"))
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Line 6: loss: there is no component loss/nowhere.py on the server.")
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    axe(page)

    write_config(page, CONFIG.replace("lr: 0.1", "lr: [0.1, 0.2]"))
    runs = page.get_by_role("table", name="What this makes")
    expect(runs.get_by_role("row", name="2 0.2")).to_be_visible()
    expect(page.get_by_text("model/line.py", exact=True)).to_be_visible()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("combobox", name="Device").select_option(DEVICE)
    page.get_by_role("combobox", name="Priority").select_option("high")
    page.get_by_role("button", name="Submit 2 runs").click()

    rows = page.get_by_role("row").filter(has_text=name)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("high")
    expect(rows.filter(has_text="completed")).to_have_count(2, timeout=WORKER_MILLISECONDS)
    # Two are chosen, and compared.
    for row in rows.all():
        row.get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare the two").click()
    difference = page.get_by_role("table", name="Config")
    expect(difference.get_by_role("row", name=re.compile("^lr 0.[12] 0.[12]$"))).to_be_visible()
    expect(page.get_by_role("figure", name="loss", exact=True)).to_be_visible()
    in_both_themes(page, lambda: axe(page))


def test_a_run_is_watched_held_still_and_seen_to_its_end(page, lab):
    gate = lab.folder / unique("gate")
    (made,) = lab.people.submit(f"{CONFIG}gate: {gate}\n", name=f"{unique('live')} {HOSTILE}", device=DEVICE)
    page.goto(f"/experiments/{made['uid']}?tab=log")

    log = page.get_by_role("region", name=re.compile("^Log of "))
    # It has not ended: it waits for its gate.
    expect(log.get_by_text("epoch 0")).to_be_visible(timeout=WORKER_MILLISECONDS)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("running", exact=True)).to_be_visible()
    page.goto("/devices")
    card = page.get_by_role("region", name=DEVICE)
    expect(card.get_by_text("healthy")).to_be_visible()
    card.get_by_role("link", name=re.compile("^live_")).click()
    gate.touch()
    expect(page.get_by_text("completed", exact=True)).to_be_visible(timeout=WORKER_MILLISECONDS)

    expect(page.get_by_role("figure", name="loss", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Log").click()
    expect(log.get_by_text("epoch 3")).to_be_visible()
    page.get_by_role("tab", name="Manifest").click()
    expect(page.get_by_role("table", name="Manifest").get_by_role("link", name="model/line.py")).to_be_visible()
    expect(page.get_by_text(f"synapse component restore {made['uid']}")).to_be_visible()
    page.get_by_role("tab", name="Config").click()
    expect(page.get_by_role("textbox", name="As it was submitted")).to_contain_text("project: lines")
    expect(page).not_to_have_title("owned")
    in_both_themes(page, lambda: axe(page))


def test_a_run_is_cancelled_after_a_question_and_reproduced(page, lab):
    gate = lab.folder / unique("gate")
    (made,) = lab.people.submit(f"{CONFIG}gate: {gate}\n", name=unique("again"), device=DEVICE)
    page.goto(f"/experiments/{made['uid']}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible()

    gate.touch()
    page.get_by_role("button", name="Reproduce").click()
    expect(page.get_by_role("link", name=made["uid"])).to_be_visible()
    assert f"/experiments/{made['uid']}" not in page.url


def test_filters_are_in_the_address(page, lab):
    page.goto("/experiments")
    page.get_by_role("combobox", name="States").select_option("expired")
    page.get_by_role("searchbox", name="Project").fill(unique("none"))

    expect(page.get_by_text("No experiment matches these filters")).to_be_visible()
    expect(page).to_have_url(re.compile("project=none_"))
    page.reload()
    expect(page.get_by_role("combobox", name="States")).to_have_value("expired")
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.get_by_role("combobox", name="States")).to_have_value("")


def test_a_device_gets_its_key_once_by_the_keyboard(page, lab):
    host = unique("host").replace("_", "-")
    page.goto("/devices")
    page.get_by_role("button", name="Enrol a device").press("Enter")
    page.get_by_role("textbox", name="Name of the device").fill(host)
    page.keyboard.press("Enter")

    dialog = page.get_by_role("dialog", name=f"{host} may join")
    expect(dialog.get_by_text("host.json")).to_be_visible()
    axe(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("region", name=host).get_by_text("never heard from")).to_be_visible()
    in_both_themes(page, lambda: axe(page))
