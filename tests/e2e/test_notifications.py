"""The questions of a real worker whose working tree was edited: asked in every browser until answered, then carried out."""

import pytest
from playwright.sync_api import expect

from tests.agent.stage import until
from tests.e2e.browser import axe
from tests.e2e.lab import WORKER_MILLISECONDS, Lab, in_both_themes, unique

DEVICE = unique("tree").replace("_", "-")
SERVER = "width = 1\n"
MINE = "width = 1  # <img src=x onerror=\"document.title='owned'\">\n"


@pytest.fixture
def lab(site, tmp_path):
    lab = Lab(site, tmp_path)
    yield lab
    lab.close()


def test_every_answer_is_carried_out_by_the_device(page, open_page, lab):
    tree = lab.folder / "tree"
    (tree / "cvlabkit").mkdir(parents=True)
    names = {answer: unique("edited") for answer in ("Upload to Server", "Download from Server", "Skip")}
    files = {answer: tree / "cvlabkit" / "component" / "model" / f"{name}.py" for answer, name in names.items()}
    lab.put({f"model/{name}.py": SERVER for name in names.values()})
    with lab.worker(DEVICE, "--tree", str(tree)) as worker:
        until(lambda: all(file.exists() for file in files.values()), 120, worker.log)
        for file in files.values():
            file.write_text(MINE)
        page.goto("/notifications")
        cards = {
            answer: page.get_by_role("region", name=f"model/{name}.py on {DEVICE}") for answer, name in names.items()
        }
        for card in cards.values():
            expect(card.get_by_text("open", exact=True)).to_be_visible(timeout=WORKER_MILLISECONDS)
        first = cards["Upload to Server"]
        first.get_by_role("button", name="Show the difference").click()
        expect(first.get_by_role("textbox", name=f"Device {DEVICE}")).to_contain_text("onerror")
        expect(first.get_by_role("textbox", name="Server")).to_contain_text("width = 1")
        in_both_themes(page, lambda: axe(page))

        # Whoever comes later, in another browser, is asked the same.
        other = open_page()
        other.goto("/experiments")
        other.get_by_role("button", name="required").click()
        panel = other.get_by_role("dialog", name="Notifications")
        expect(panel.get_by_role("region", name=f"model/{names['Skip']}.py on {DEVICE}")).to_be_visible()
        axe(other)
        for answer, name in names.items():
            card = panel.get_by_role("region", name=f"model/{name}.py on {DEVICE}")
            card.get_by_role("button", name=answer).click()
            expect(card).to_be_hidden()
        for card in cards.values():
            expect(card).to_be_hidden()

        page.get_by_role("link", name="All", exact=True).click()
        for answer, card in cards.items():
            expect(card.get_by_text("carried out", exact=True)).to_be_visible(timeout=WORKER_MILLISECONDS)
            expect(card.get_by_text(f"admin@localhost decided: {answer}")).to_be_visible()
    shown = {answer: lab.store.list_versions("model", name, include_content=True) for answer, name in names.items()}
    active = {answer: next(row["content"] for row in rows if row["is_active"]) for answer, rows in shown.items()}
    assert active == {"Upload to Server": MINE, "Download from Server": SERVER, "Skip": SERVER}
    assert {answer: file.read_text() for answer, file in files.items()} == {
        "Upload to Server": MINE, "Download from Server": SERVER, "Skip": MINE
    }  # fmt: skip
    expect(page).not_to_have_title("owned")
