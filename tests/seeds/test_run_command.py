"""The export seed's plugin, configuration and command, typed as they stand into a shell."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seeds.export_blocks import block, plugin_config, run_command

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("platform")]


@pytest.fixture
def plugin(tmp_path) -> Path:
    folder = tmp_path / "my-export-plugin"
    (folder / "plugin").mkdir(parents=True)
    (folder / "plugin" / "__init__.py").touch()
    (folder / "plugin" / "export.py").write_text(block("my_exporter"))
    (folder / "config.yaml").write_text(plugin_config())
    return folder


def make_project_123(platform) -> None:
    """The command names project 123: the next id after 122."""
    with sqlite3.connect(platform.home / "synapse.db") as database:
        columns = "id, name, description, configuration, created"
        database.execute(f"INSERT INTO projects ({columns}) VALUES (122, 'before', '', '{{}}', '2026-01-01')")
    platform.synapse("project", "create", "the seed's")


def test_plugin_runs_with_the_seeds_command(running_platform, plugin):
    make_project_123(running_platform)
    variables = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SYNAPSE_HOST": running_platform.url,
        "SYNAPSE_ACCESS_TOKEN": running_platform.token,
    }
    done = subprocess.run(
        ["bash", "-c", run_command()],
        cwd=plugin,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    folder = running_platform.home / "storage" / "exports" / "my-export" / "My Export"
    assert (folder / "metadata.json").is_file()
