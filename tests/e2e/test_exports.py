"""Exports in the browser: seen before they begin, followed while they run, downloaded, taken up again."""

import hashlib
import os
import re
import shlex
import uuid
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.browser import axe
from tests.e2e.site import stopped_worker

STEPS = 10


def begin(page: Page, name: str, **chosen: str) -> None:
    """The form of an export of one photograph of tasks, filled in; `chosen` by the label of each list."""
    page.goto("/exports")
    page.get_by_role("link", name="New export").first.click()
    lists = {"Export": "Tasks", "Project": "photographs", "Status of the work": "Any", **chosen}
    form = page.get_by_role("region", name="New export")
    for label, option in lists.items():
        form.get_by_label(label, exact=True).select_option(label=option)
    form.get_by_label("More filters").fill("search=chelsea")
    form.get_by_label("Name", exact=True).fill(name)


def start(page: Page) -> None:
    page.get_by_role("button", name="Start the export").click()
    expect(page).to_have_url(re.compile(r"/exports/[0-9a-f-]{36}$"))


def unique(word: str) -> str:
    return f"{word} {uuid.uuid4().hex[:8]}"


def download(page: Page, folder) -> zipfile.ZipFile:
    with page.expect_download() as waited:
        page.get_by_role("link", name="Download").click()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return zipfile.ZipFile(path)


def by_command(site, command: str, folder) -> dict[str, bytes]:
    """The files that the command writes, which the page offers to copy."""
    words = shlex.split(command)[1:]
    words[words.index("--out") + 1] = str(folder.parent)
    site.synapse(*words)
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_an_export_is_previewed_followed_and_downloaded(page, site, tmp_path):
    name = unique("cats")
    begin(page, name, Format="YOLO", Split="In one piece")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.get_by_text("1 item matches")).to_be_visible()
    preview.get_by_role("tab", name="data.yaml").click()
    expect(preview.get_by_role("tabpanel")).to_contain_text("round")
    axe(page)

    start(page)

    expect(page.get_by_role("heading", name=f"{name} Succeeded")).to_be_visible()
    steps = page.get_by_role("list", name="Steps of the export").get_by_role("listitem")
    expect(steps).to_have_count(STEPS)
    expect(steps.filter(has_text="Gather the rows").last).to_contain_text("Done")
    expect(page.get_by_text(re.compile("Keeps the format.s rules"))).to_be_visible()
    expect(page.get_by_text(re.compile("^synapse export --project"))).to_be_visible()
    axe(page)
    command = page.get_by_text(re.compile("^synapse export --project")).inner_text()
    with download(page, tmp_path) as archive:
        assert archive.filename.endswith(f"{name}.zip")
        sums = dict(reversed(line.split("  ")) for line in archive.read("SHA256SUMS").decode().splitlines())
        assert {entry: hashlib.sha256(archive.read(entry)).hexdigest() for entry in sums} == sums
        (labels,) = [entry for entry in sums if entry.startswith("labels/")]
        assert len(archive.read(labels).splitlines()) == 3
        assert by_command(site, command, tmp_path / name) == {entry: archive.read(entry) for entry in sums}


def test_an_export_that_failed_is_resumed_and_repeated_otherwise(page, tmp_path):
    name = unique("strict")
    begin(page, name, Format="YOLO")
    page.get_by_label("Annotations as").select_option(label="Keypoints")
    page.get_by_label("Fail when something cannot be carried").check()
    start(page)
    expect(page.get_by_role("heading", name=f"{name} Failed")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("data.yaml: a pose data set needs")
    first = page.url

    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Goes on with")).to_be_visible()
    expect(page.get_by_role("heading", name=f"{name} Failed")).to_be_visible()
    assert page.url != first

    page.get_by_role("link", name="Repeat this export").click()
    strict = page.get_by_label("Fail when something cannot be carried")
    expect(strict).to_be_checked()
    strict.uncheck()
    page.get_by_label("Annotations as").select_option(label="Boxes")
    start(page)
    expect(page.get_by_role("heading", name=f"{name} Succeeded")).to_be_visible()
    with download(page, tmp_path) as archive:
        assert "data.yaml" in archive.namelist()


def test_an_export_is_cancelled_and_then_resumed(page, site):
    name = unique("second thoughts")
    begin(page, name, Format="COCO")
    with stopped_worker(site):
        start(page)
        expect(page.get_by_role("heading", name=f"{name} Waiting")).to_be_visible()

        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Let it run").click()
        expect(page.get_by_role("heading", name=f"{name} Waiting")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        axe(page)
        page.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()

        expect(page.get_by_role("heading", name=f"{name} Cancelled")).to_be_visible()
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("heading", name=f"{name} Succeeded")).to_be_visible()


def test_wrong_input_gets_the_servers_words_at_its_field(page, watch):
    watch.allow("status of 400")
    begin(page, unique("wrong"), Format="COCO", Split="By shares")
    page.get_by_label("Test, %").fill("50")

    expect(page.get_by_label("Split", exact=True)).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Test, %").fill("10")
    expect(page.get_by_label("Split", exact=True)).not_to_have_attribute("aria-invalid", "true")

    page.get_by_label("More filters").fill("colour=red")
    expect(page.get_by_label("More filters")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert").filter(has_text="colour")).to_be_visible()


def test_the_history_is_filtered_by_its_address(page):
    name = unique("listed")
    begin(page, name, Format="CSV")
    start(page)
    expect(page.get_by_role("heading", name=f"{name} Succeeded")).to_be_visible()

    page.goto("/exports?status=SUCCEEDED")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_label("Status")).to_have_value("SUCCEEDED")
    axe(page)
    page.get_by_label("Status").select_option(label="Failed")
    expect(page).to_have_url(re.compile("status=FAILED"))
    expect(page.get_by_role("link", name=name)).to_have_count(0)
