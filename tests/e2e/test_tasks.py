"""Projects, the grid of tasks and the editor, as people use them."""

import io
import re
from collections.abc import Callable
from uuid import uuid4

import httpx2
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.browser import axe
from tests.e2e.site import Site

WIDTH, HEIGHT = 640, 480
HOSTILE = '<img src=x onerror="document.title=1">'
CLASSES = ("car", "dog")


class Work:
    """A project of one's own, made as programs make it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.name = f"work {uuid4().hex[:8]}"
        self.http = httpx2.Client(base_url=site.url, headers={"Authorization": f"Token {site.token}"}, timeout=60)
        classes = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
        body = {"name": self.name, "configuration": {"class_schema": {"classes": classes}}}
        self.project = self._post("/v2/projects/", body)["data"]
        self.path = f"/projects/{self.project['id']}/tasks"

    def task(self, name: str, *annotations: dict) -> int:
        """A task with a picture."""
        out = io.BytesIO()
        Image.effect_noise((WIDTH, HEIGHT), 30).save(out, "JPEG")
        answer = self.http.post("/data_files/", files={"file": ("a.jpg", out.getvalue())})
        assert answer.status_code == 201, answer.text
        unit = {"data_collection": self.project["data_collection_id"], "name": name, "width": WIDTH, "height": HEIGHT}
        unit["files"] = {"image": answer.json()["id"]}
        data_unit = self._post("/v2/data-units/", unit)["data"]["id"]
        data = {"annotations": [{"id": number, **each} for number, each in enumerate(annotations, 1)]}
        task = self._post("/v2/tasks/", {"project": self.project["id"], "data_unit": data_unit, "data": data})
        return int(task["data"]["id"])

    def annotations(self, task: int) -> dict:
        """What the server has."""
        return self.http.get(f"/v2/tasks/{task}/annotations/").json()["data"]

    def save(self, task: int, *annotations: dict) -> None:
        """Change a task behind the browser's back."""
        body = {"expected": self.annotations(task)["revision"], "data": {"annotations": list(annotations)}}
        answer = self.http.put(f"/v2/tasks/{task}/annotations/", json=body)
        assert answer.status_code == 200, answer.text

    def _post(self, path: str, body: dict) -> dict:
        answer = self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def work(site):
    work = Work(site)
    yield work
    work.http.close()


def box(category: str = "car", **more: object) -> dict:
    return {"type": "bbox", "category": category, "bbox": [100, 100, 200, 150], **more}


def open_task(page: Page, work: Work, task: int) -> None:
    page.goto(f"{work.path}/{task}")
    expect(page.get_by_role("img", name="Image of")).to_be_visible()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def until_saved(page: Page, work: Work, task: int, is_right: Callable[[dict], bool]) -> dict:
    """What the server has once it is what was done; the page says so afterwards."""
    for _ in range(600):
        found = work.annotations(task)
        if is_right(found):
            return found
        page.wait_for_timeout(100)
    raise AssertionError(work.annotations(task))


def test_a_project_is_made_in_the_browser(page):
    name = f"made {uuid4().hex[:8]}"
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Classes").fill("cat\nbird")
    dialog.get_by_role("button", name="Create").click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text("No tasks here yet")).to_be_visible()
    axe(page)


def test_what_is_wrong_with_a_new_project_stands_at_its_field(page, watch, work):
    watch.allow("status of 40")
    page.goto("/projects")
    page.get_by_role("button", name="New project").click()
    dialog = page.get_by_role("dialog", name="New project")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Name").fill(work.name)
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("already")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_grid_shows_filters_and_counts_tasks(page, work, theme):
    page.emulate_media(color_scheme=theme)
    work.task("first.jpg", box())
    work.task("second.jpg", box("dog"), box("dog"))
    page.goto(work.path)
    grid = page.get_by_role("grid", name="Tasks")
    expect(grid.get_by_role("gridcell")).to_have_count(2)
    expect(page.get_by_text("2 tasks")).to_be_visible()
    axe(page)

    page.get_by_role("button", name="Statistics").click()
    expect(page.get_by_role("table", name="Annotations by class").get_by_role("row")).to_have_count(3)
    axe(page)
    page.get_by_role("button", name="dog", exact=True).click()
    expect(grid.get_by_role("gridcell")).to_have_count(1)
    expect(page).to_have_url(re.compile("category=dog"))
    page.reload()
    expect(page.get_by_role("link", name=re.compile("second.jpg"))).to_be_visible()


def test_selected_tasks_are_tagged_and_discarded_with_the_keyboard(page, work):
    tasks = [work.task(f"{number}.jpg", box()) for number in range(3)]
    page.goto(work.path)
    page.get_by_role("link", name=re.compile("^0.jpg")).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowRight")
    bar = page.get_by_role("region", name="Selection")
    expect(bar.get_by_text("2 selected", exact=True)).to_be_visible()
    axe(page)

    bar.get_by_label("Tag", exact=True).fill("night")
    bar.get_by_role("button", name="Add tag").press("Enter")
    expect(bar.get_by_text("2 tasks changed")).to_be_visible()
    bar.get_by_role("button", name="Discard").press("Enter")
    page.get_by_role("alertdialog").get_by_role("button", name="Discard").press("Enter")
    page.get_by_role("combobox", name="Discarded").select_option("Yes")
    expect(page.get_by_role("grid").get_by_role("gridcell")).to_have_count(2)
    assert [work.annotations(task)["is_discarded"] for task in tasks] == [True, True, False]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_box_is_drawn_moved_and_taken_back(page, work, theme):
    page.emulate_media(color_scheme=theme)
    task = work.task("draw.jpg", box("dog", score=0.5))
    open_task(page, work, task)
    axe(page)
    page.get_by_role("button", name="Box", exact=True).click()
    frame = page.get_by_role("img", name="Image of").bounding_box()
    assert frame is not None
    scale = frame["width"] / WIDTH
    left, top = frame["x"], frame["y"]
    page.mouse.move(left + 400 * scale, top + 300 * scale)
    page.mouse.down()
    page.mouse.move(left + 450 * scale, top + 330 * scale, steps=5)
    page.mouse.move(left + 500 * scale, top + 360 * scale, steps=5)
    page.mouse.up()

    drawn = until_saved(page, work, task, lambda found: len(found["data"]["annotations"]) == 2)
    assert drawn["data"]["annotations"][0]["score"] == 0.5
    assert drawn["data"]["annotations"][1]["bbox"] == pytest.approx([400, 300, 100, 60], abs=3)
    page.keyboard.press("Control+z")
    until_saved(page, work, task, lambda found: len(found["data"]["annotations"]) == 1)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    axe(page)


def test_annotating_needs_no_mouse(page, work):
    task, other = work.task("one.jpg"), work.task("two.jpg", box())
    open_task(page, work, task)
    for key in ("n", "ArrowRight", "Shift+ArrowDown", "Alt+ArrowRight", "2"):
        page.keyboard.press(key)
    added = {"id": 1, "type": "bbox", "category": "dog", "bbox": [257, 202, 129, 96]}
    until_saved(page, work, task, lambda found: found["data"]["annotations"] == [added])
    page.keyboard.press("c")
    expect(page.get_by_text("Completed", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    axe(page)
    page.keyboard.press("Escape")
    page.keyboard.press("PageDown")
    expect(page).to_have_url(re.compile(f"/tasks/{other}"))
    expect(page.get_by_role("heading", name="two.jpg")).to_be_visible()
    page.keyboard.press("]")
    page.keyboard.press("Delete")
    until_saved(page, work, other, lambda found: found["data"]["annotations"] == [])


def test_a_reviewer_accepts_and_rejects(page, work):
    task = work.task("review.jpg", box())
    open_task(page, work, task)
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
    page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog", name="Reject these annotations?")
    dialog.get_by_label("Why").fill("The tail is missing.")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("The tail is missing.")).to_be_visible()
    found = work.annotations(task)
    assert (found["status"], found["review"]) == ("in_progress", "rejected")


def test_someone_else_s_change_is_told_and_both_versions_are_offered(page, work, watch):
    watch.allow("status of 409")
    task = work.task("both.jpg", box())
    open_task(page, work, task)
    work.save(task, {"id": 1, **box("dog")})
    page.keyboard.press("n")
    asked = page.get_by_role("alert", name="Someone else changed this task")
    expect(asked.get_by_text("changed this task", exact=False).last).to_be_visible()
    axe(page)
    asked.get_by_role("button", name="Show theirs").click()
    expect(page.get_by_role("button", name=re.compile("^dog"))).to_be_visible()
    asked.get_by_role("button", name=re.compile("^Keep mine")).click()
    until_saved(page, work, task, lambda found: len(found["data"]["annotations"]) == 2)


def test_edits_outlive_a_lost_connection_and_a_closed_page(page, work, watch):
    watch.allow("ERR_INTERNET_DISCONNECTED|ERR_FAILED")
    task = work.task("kept.jpg", box())
    open_task(page, work, task)
    page.context.set_offline(True)
    page.keyboard.press("n")
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    assert len(work.annotations(task)["data"]["annotations"]) == 1
    page.goto("about:blank")
    page.context.set_offline(False)
    page.goto(f"{work.path}/{task}")
    until_saved(page, work, task, lambda found: len(found["data"]["annotations"]) == 2)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def test_hostile_names_stay_text(page, work):
    task = work.task("plain.jpg", box())
    work.http.patch(f"/v2/tasks/{task}/", json={"meta": {"note": HOSTILE}})
    hostile = f"{HOSTILE} {uuid4().hex[:6]}"
    body = {
        "class_schema": {"classes": [{"id": 1, "name": "car"}, {"id": 2, "name": "dog"}, {"id": 3, "name": HOSTILE}]}
    }
    answer = work.http.patch(f"/v2/projects/{work.project['id']}/", json={"name": hostile, "configuration": body})
    assert answer.status_code == 200, answer.text
    work.save(task, {"id": 1, **box(HOSTILE)})

    page.goto(work.path)
    expect(page.get_by_role("heading", name=hostile)).to_be_visible()
    page.get_by_role("link", name=re.compile("plain.jpg")).click()
    expect(page.get_by_role("button", name=re.compile(re.escape(HOSTILE)))).to_be_visible()
    assert page.title() != "1"
