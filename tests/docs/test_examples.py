"""Every block of the documentation that can run does run: page by page, in order, against the real platform."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.given import make_data_sets
from tests.docs.pages import RUN_LANGUAGES, Block, blocks_of, list_pages, name_of

BLOCK_SECONDS = 300
PAGES = [page for page in list_pages() if any(block.language in RUN_LANGUAGES for block in blocks_of(page))]


@pytest.mark.system
@pytest.mark.xdist_group("platform")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_runs(running_platform, tmp_path, page):
    if "synapse-platform[train]" in page.read_text(encoding="utf-8"):
        pytest.importorskip("torch")
    folder = tmp_path / "reader"
    folder.mkdir()
    make_data_sets(folder)
    for block in blocks_of(page):
        if block.language in RUN_LANGUAGES:
            done = run_block(block, folder, variables_of(running_platform, tmp_path))
            assert done.returncode == 0, (
                f"{block.place} ended with {done.returncode}\n\n{block.text}\n{done.stdout}\n{done.stderr}"
            )


def run_block(block: Block, folder: Path, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    return subprocess.run(
        [*command, block.text],
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BLOCK_SECONDS,
        check=False,
    )


def variables_of(platform, tmp_path: Path) -> dict[str, str]:
    """A reader's shell: logged in to the platform, with a home folder of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "SYNAPSE_HOST": platform.url,
        "SYNAPSE_ACCESS_TOKEN": platform.token,
        "SYNAPSE_SERVER_HOME": str(platform.home),
        "COLUMNS": "120",
    }


def test_a_failing_command_in_a_block_fails_the_block(tmp_path):
    block = Block("page.md", 8, "sh", "false\ntrue\n")
    assert run_block(block, tmp_path, dict(os.environ)).returncode == 1
