"""Plugins and their runs: publishing, running by a form, following, stopping, running again."""

import io
import re
import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import axe
from tests.e2e.plugins import write_plugin


@pytest.fixture(scope="module")
def code(site, tmp_path_factory):
    """Code of a published plugin."""
    code, folder = write_plugin(tmp_path_factory.mktemp("plugin"))
    site.synapse("plugin", "publish", "--path", str(folder), "--yes")
    return code


def axe_in_both_themes(page):
    axe(page)
    page.get_by_role("button", name="Switch between light and dark").click()
    axe(page)


def test_an_action_is_run_by_its_form_and_followed_to_its_result(page, code):
    page.goto("/plugins")
    page.get_by_role("searchbox", name="Search plugins").fill(code)
    page.get_by_role("link", name=f"Trainer {code}").click()
    page.get_by_role("button", name="Run train").click()
    form = page.get_by_role("dialog", name="Run train")
    axe(page)
    form.get_by_role("textbox", name="Epochs").fill("5")
    form.get_by_role("textbox", name="Rate").fill("0.5")
    form.get_by_role("combobox", name="Size").select_option("m")
    form.get_by_role("button", name="Run", exact=True).click()

    expect(page.get_by_text("Succeeded")).to_be_visible()
    log = page.get_by_role("region", name="Output of the run")
    expect(log.get_by_text("epoch 5", exact=True)).to_be_visible()
    # What a run prints is text, without the codes for its colours.
    expect(log.get_by_text("<img src=x onerror='document.title=1'>", exact=True)).to_be_visible()
    expect(page).not_to_have_title("1")
    page.get_by_role("searchbox", name="Search the log").fill("EPOCH")
    expect(page.get_by_text("1 of 5")).to_be_visible()
    axe_in_both_themes(page)

    page.get_by_role("tab", name="Parameters").click()
    expect(page.get_by_text('"rate": 0.5', exact=False).last).to_be_visible()
    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("figure", name="loss")).to_be_visible()
    expect(page.get_by_text("0.125")).to_be_visible()
    axe(page)
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_role("table", name="Events of the run")).to_be_visible()

    first = page.url.split("?")[0]
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(re.compile(re.escape(first)))
    expect(page.get_by_text("Succeeded")).to_be_visible()


def test_wrong_parameters_are_told_at_their_fields(page, code, watch):
    watch.allow("status of 400")
    page.goto(f"/plugins/{code}?run=train")
    form = page.get_by_role("dialog", name="Run train")
    form.get_by_role("textbox", name="Epochs").fill("0")
    form.get_by_role("textbox", name="Rate").fill("fast")
    form.get_by_role("button", name="Run", exact=True).click()

    expect(form.get_by_text("0 is less than the minimum of 1", exact=True)).to_be_visible()
    expect(form.get_by_text("'fast' is not of type 'number'", exact=True)).to_be_visible()
    expect(form.get_by_role("textbox", name="Rate")).to_have_attribute("aria-invalid", "true")
    axe(page)


def test_a_run_is_stopped_and_found_by_its_filters(page, code):
    page.goto(f"/plugins/{code}")
    # By the keyboard alone.
    page.get_by_role("button", name="Run wait").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Run wait").get_by_role("button", name="Run", exact=True).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("region", name="Output of the run").get_by_text("waiting", exact=True)).to_be_visible()
    expect(page.get_by_role("checkbox", name="Follow")).to_be_checked()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("alertdialog").get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped", exact=True)).to_be_visible()

    page.goto(f"/jobs?plugin={code}")
    page.get_by_role("combobox", name="Status").select_option("Stopped")
    rows = page.get_by_role("table", name="Jobs").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("wait")
    expect(page).to_have_url(re.compile("status=STOPPED"))
    axe_in_both_themes(page)


def test_an_archive_is_uploaded_and_one_that_is_none_is_refused_at_the_field(page, watch, tmp_path):
    watch.allow("status of 400")
    code, folder = write_plugin(tmp_path)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("config.yaml", "plugin/__init__.py", "plugin/main.py"):
            archive.write(folder / name, name)
    page.goto("/plugins")
    page.get_by_role("button", name="Upload a release").click()
    dialog = page.get_by_role("dialog")
    file = dialog.get_by_label("Archive")
    axe(page)

    file.set_input_files({"name": "a.zip", "mimeType": "application/zip", "buffer": b"no archive"})
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog.get_by_text("is not a zip archive.", exact=True)).to_be_visible()
    expect(file).to_have_attribute("aria-invalid", "true")
    file.set_input_files({"name": "a.zip", "mimeType": "application/zip", "buffer": content.getvalue()})
    dialog.get_by_role("button", name="Upload").click()

    expect(page.get_by_role("heading", name=re.compile(code))).to_be_visible()
    axe_in_both_themes(page)
    # Nothing of it was imported: its parameters are typed as JSON.
    page.get_by_role("button", name="Run train").click()
    page.get_by_role("textbox", name="Parameters as JSON").fill('{"epochs": 1}')
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Succeeded")).to_be_visible()


def test_models_say_what_made_them(page, site, code):
    name = f"digits <b>{code}</b>"
    release = site.v1.get_plugin_release(f"{code}@1.0.0")["id"]
    site.v1.create_model({"name": name, "plugin_release": release, "metadata": {"accuracy": 0.98}})

    page.goto("/models")
    page.get_by_role("searchbox", name="Search models").fill(code)

    expect(page.get_by_text(name, exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=f"{code}@1.0.0")).to_be_visible()
    axe_in_both_themes(page)
    page.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text(name, exact=True)).not_to_be_visible()
