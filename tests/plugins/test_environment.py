"""A plugin's own packages: installed once, beside the SDK, and never from a half-made environment."""

import sys
import zipfile
from pathlib import Path

import pytest

from synapse_sdk.exceptions import BuildError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.executors import LocalExecutor
from synapse_sdk.plugins.executors.environment import has_requirements, plugin_python


def make_wheel(folder, name, version, source):
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def make_config(**keys):
    return PluginConfig.from_dict({"name": "t", "code": "t", "package_manager_options": ["--no-index"], **keys})


def test_a_plugin_that_needs_nothing_runs_in_this_python(tmp_path):
    assert plugin_python(tmp_path, make_config(), notify=pytest.fail) == Path(sys.executable)
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    assert plugin_python(tmp_path, make_config(), notify=pytest.fail) == Path(sys.executable)


def test_a_plugins_own_venv_wins(tmp_path):
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    (tmp_path / "requirements.txt").write_text("numpy\n")
    assert plugin_python(tmp_path, make_config(), notify=pytest.fail) == own


@pytest.mark.parametrize("manager", ["pip", "uv"])
def test_requirements_are_installed_once_and_win_over_ours_while_the_sdk_is_there(tmp_path, make_plugin, manager):
    source = "class Main(BaseAction[Params]):\n    def execute(self):\n        import tinypkg, typer\n        return [tinypkg.ANSWER, typer.__version__]\n"
    folder = make_plugin(source)
    make_wheel(folder / "wheels", "tinypkg", "1.0", "ANSWER = 42\n")
    make_wheel(folder / "wheels", "typer", "999.0", "__version__ = '999.0'\n")
    (folder / "requirements.txt").write_text("tinypkg==1.0\ntyper\n")
    config, said, cache = make_config(package_manager=manager), [], tmp_path / "envs"
    python = plugin_python(folder, config, notify=said.append, cache=cache)
    assert plugin_python(folder, config, notify=said.append, cache=cache) == python
    assert [line for line in said if "once" in line] == ["Installing the requirements of t (once): tinypkg==1.0, typer"]
    assert LocalExecutor(working_dir=folder, python=python).execute("plugin.main:Main", {}) == [42, "999.0"]

    make_wheel(folder / "wheels", "tinypkg", "1.0", "ANSWER = 43\n")
    changed = plugin_python(folder, config, notify=said.append, cache=cache)
    assert LocalExecutor(working_dir=folder, python=changed).execute("plugin.main:Main", {})[0] == 43


def test_what_cannot_be_installed_is_told_and_tried_again(tmp_path):
    (tmp_path / "requirements.txt").write_text("no-such-package-here==1.0\n")
    for _ in range(2):
        with pytest.raises(BuildError, match=r"requirements of t \(requirements.txt\) cannot be installed") as caught:
            plugin_python(tmp_path, make_config(), notify=lambda _: None, cache=tmp_path / "envs")
        assert "no-such-package-here" in str(caught.value)


@pytest.mark.parametrize("manager", ["pip", "uv"])
def test_an_installers_last_words_name_no_address(tmp_path, manager):
    (tmp_path / "requirements.txt").write_text("no-such-package-here==1.0\n")
    index = "http://user:s3cret@127.0.0.1:9/private/simple"
    options = ["--index-url", index, *(["--retries", "1"] if manager == "pip" else [])]
    config = make_config(package_manager=manager, package_manager_options=options)
    said = []
    with pytest.raises(BuildError) as caught:
        plugin_python(tmp_path, config, notify=said.append, cache=tmp_path / "envs")
    for text in (str(caught.value), *said):
        assert "s3cret" not in text
        assert "/private" not in text


@pytest.mark.parametrize(
    ("requirements", "is_ours"),
    [
        ("pydantic>=2\ntyper\n", True),
        ("pydantic>=2; python_version < '3'\nno-such-package; python_version < '3'\n", True),
        ("pydantic<2\n", False),
        ("pydantic>=2\nno-such-package-here\n", False),
        ("pydantic[email]>=2\n", False),
        ("--no-index\npydantic>=2\n", False),
        ("./pydantic-1.0.whl\n", False),
    ],
)
def test_what_this_python_has_is_not_installed_again(tmp_path, requirements, is_ours):
    (tmp_path / "requirements.txt").write_text(requirements)
    config = PluginConfig.from_dict({"name": "t", "code": "t"})
    assert has_requirements(tmp_path, config) is is_ours
    if is_ours:
        assert plugin_python(tmp_path, config, notify=pytest.fail) == Path(sys.executable)
    assert not has_requirements(tmp_path, make_config())
