"""Ground truth in the browser: collected, released, compared, exported."""

import json
import re
import uuid
import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import axe

BOX = {"type": "bbox", "category": "cat", "bbox": [1, 2, 30, 40]}


@pytest.fixture
def project(site):
    """A project of one's own with three completed assignments, each about a unit with one cat."""
    classes = {"class_schema": {"classes": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]}}
    project = site.v2.projects.create(name=f"truth {uuid.uuid4().hex[:8]}", configuration=classes)
    return {**project, "assignments": [add(site, project, f"unit {number}") for number in range(3)]}


def add(site, project, name: str) -> int:
    unit = site.v2.data_units.create(data_collection=project["data_collection_id"], name=name, width=640, height=480)
    task = site.v2.tasks.create(project=project["id"], data_unit=unit["id"])
    assignment = site.v2.assignments.create(task=task["id"], user=1)
    annotate(site, assignment["id"], BOX)
    return assignment["id"]


def annotate(site, assignment: int, *annotations: dict) -> None:
    data = {"annotations": [{"id": number, **each} for number, each in enumerate(annotations, 1)]}
    site.v2.assignments.update(assignment, data=data, status_label="completed")


def release(page, name: str, note: str) -> None:
    page.get_by_role("button", name="Release a version").click()
    dialog = page.get_by_role("dialog", name="Release a version")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Note").fill(note)
    dialog.get_by_role("button", name="Release").click()


def test_ground_truth_is_collected_released_compared_and_exported(page, site, project, tmp_path):
    page.goto("/ground-truth")
    page.get_by_role("button", name="New data set").click()
    dialog = page.get_by_role("dialog", name="New data set")
    dialog.get_by_label("Project").select_option(label=project["name"])
    dialog.get_by_label("Name").fill("gold")
    axe(page)
    dialog.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="gold")).to_be_visible()

    page.get_by_role("button", name="Collect completed work").click()
    expect(page.get_by_text("3 added, 0 changed, 0 as they were.")).to_be_visible()
    release(page, "1.0", "the first three")
    versions = page.get_by_role("table", name="Versions")
    expect(versions.get_by_role("row", name=re.compile("1.0 the first three 3"))).to_be_visible()

    annotate(site, project["assignments"][0], BOX, {**BOX, "category": "dog"})
    add(site, project, "unit 4")
    page.get_by_role("button", name="Collect completed work").click()
    expect(page.get_by_text("1 added, 1 changed, 2 as they were.")).to_be_visible()
    release(page, "1.1", "a dog")
    page.get_by_role("button", name="Compare with the one before: 1.1").click()

    classes = page.get_by_role("table", name="Annotations per class in what changed")
    expect(classes.get_by_role("row", name="dog 0 1 +1")).to_be_visible()
    added = page.get_by_role("table", name="Added")
    expect(added.get_by_role("row", name=re.compile("unit 4 . 1 cat"))).to_be_visible()
    page.get_by_role("tab", name="Changed (1)").click()
    expect(page).to_have_url(re.compile("kind=changed"))
    changed = page.get_by_role("table", name="Changed")
    expect(changed.get_by_role("row", name="unit 0 1 cat 1 cat, 1 dog")).to_be_visible()
    axe(page)

    page.get_by_role("link", name="Export version 1.1").click()
    expect(page.get_by_text("4 items match")).to_be_visible()
    page.get_by_label("Put the original images in").uncheck()
    page.get_by_role("button", name="Start the export").click()
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download").click()
    waited.value.save_as(tmp_path / "gold.zip")
    with zipfile.ZipFile(tmp_path / "gold.zip") as archive:
        document = json.loads(archive.read("annotations.json"))
    assert (len(document["images"]), len(document["annotations"])) == (4, 5)


def test_a_name_that_is_taken_is_refused_at_its_field(page, site, project, watch):
    watch.allow("status of 409")
    dataset = site.v2.ground_truth_datasets.create(project=project["id"], name="silver")
    page.goto(f"/ground-truth/{dataset['id']}")
    release(page, "1.0", "")
    expect(page.get_by_role("dialog")).to_have_count(0)
    release(page, "1.0", "")

    name = page.get_by_role("dialog").get_by_label("Name")
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert")).to_contain_text("1.0")


def test_names_are_never_markup(page, site, project):
    name = f"<img src=x onerror=alert(1)> {uuid.uuid4().hex[:8]}"
    site.v2.ground_truth_datasets.create(project=project["id"], name=name)
    page.goto(f"/ground-truth?project={project['id']}")

    page.get_by_role("link", name=name).click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
