"""A served model: deployed, seen to run, deleted."""

import re
import shutil
import uuid
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser import axe

RELEASE = Path(__file__).parents[1] / "serving" / "release"


def test_a_model_is_deployed_seen_to_run_and_deleted(page, site, tmp_path):
    code = f"e2e-{uuid.uuid4().hex[:10]}"
    folder = tmp_path / "plugin"
    shutil.copytree(RELEASE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("code: models-under-test", f"code: {code}"))
    site.synapse("plugin", "publish", "--path", str(folder), "--yes")
    name = f"{code}@1.0.0"

    page.goto("/serving")
    expect(page.get_by_role("progressbar", name=re.compile("Cores")).first).to_be_visible()
    page.get_by_role("button", name="Deploy").click()
    page.get_by_role("combobox", name="Release").select_option(name)
    page.get_by_role("button", name="Next").click()
    page.get_by_role("dialog", name="Run deployment").get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("Succeeded")).to_be_visible()

    page.get_by_role("link", name="Serving").click()
    row = page.get_by_role("table", name="Applications").get_by_role("row", name=re.compile(re.escape(name)))
    expect(row.get_by_text("Running", exact=True)).to_be_visible()
    expect(row.get_by_text("1 of 1")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Switch between light and dark").click()
    axe(page)

    page.get_by_role("button", name=f"Delete {name}").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
