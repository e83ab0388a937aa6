"""The example plugin is the specification's own, line for line."""

from pathlib import Path

from tests.conftest import run_synapse
from tests.seeds.export_blocks import block, plugin_config

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugins" / "my-export-plugin"


def code_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_example_exporter_is_the_seeds_exporter():
    assert code_lines((EXAMPLE / "plugin" / "export.py").read_text()) == code_lines(block("my_exporter"))


def test_example_configuration_is_the_seeds_configuration():
    assert (EXAMPLE / "config.yaml").read_text() == plugin_config()


def test_example_passes_its_own_tests():
    done = run_synapse("plugin", "test", "--path", str(EXAMPLE), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
