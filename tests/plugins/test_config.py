"""config.yaml: what is read, what is kept, and how a mistake is told."""

import pytest

from synapse_sdk.exceptions import ActionNotFoundError, ConfigurationError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.discovery import PluginDiscovery
from synapse_sdk.plugins.enums import PluginCategory, RunMethod
from synapse_sdk.plugins.models import PluginRelease
from synapse_sdk.plugins.utils import get_action_method, get_plugin_actions, read_requirements

SEED = """\
name: my_export_plugin
code: my_export_plugin
version: 1.0.0
category: export
actions:
  export:
    entrypoint: plugin.export.MyExportAction
    annotation_types:
      - image
      - video
    required_resources:
      num_cpus: 2
  serve: plugin.serve:App
owner: team-a
"""


def write(folder, text, name="config.yaml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read_error(folder, text):
    write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        PluginConfig.from_path(folder)
    message = str(caught.value)
    assert "config.yaml" in message
    return message


@pytest.mark.parametrize("name", ["config.yaml", "synapse.yaml"])
def test_either_file_name_is_read(tmp_path, name):
    write(tmp_path, SEED, name)
    config = PluginConfig.from_path(tmp_path)
    assert (config.code, config.version, config.category) == ("my_export_plugin", "1.0.0", PluginCategory.EXPORT)
    assert config.actions["serve"].entrypoint == "plugin.serve:App"


def test_two_configurations_are_refused_and_none_says_what_to_do(tmp_path):
    with pytest.raises(ConfigurationError, match="synapse plugin create"):
        PluginConfig.from_path(tmp_path)
    write(tmp_path, SEED)
    write(tmp_path, SEED, "synapse.yaml")
    with pytest.raises(ConfigurationError, match="keep one"):
        PluginConfig.from_path(tmp_path)


def test_unknown_keys_are_kept_at_both_levels(tmp_path):
    write(tmp_path, SEED)
    config = PluginConfig.from_path(tmp_path)
    published = config.to_dict()
    assert published["actions"]["export"]["required_resources"] == {"num_cpus": 2}
    assert published["owner"] == "team-a"
    assert config.unknown_keys == ["owner"]
    assert config.get_action("export").settings["annotation_types"] == ["image", "video"]
    assert "package_manager" not in published


def test_method_comes_from_the_config_else_from_the_name():
    config = {"name": "a", "code": "a", "actions": {"export": {}, "other": {}, "train": {"method": "task"}}}
    assert [get_action_method(config, name) for name in ("export", "other", "train")] == [
        RunMethod.JOB,
        RunMethod.TASK,
        RunMethod.TASK,
    ]
    assert get_plugin_actions(config) == ["export", "other", "train"]


def test_a_missing_action_lists_those_that_are_there(tmp_path):
    write(tmp_path, SEED)
    with pytest.raises(ActionNotFoundError, match="it has: export, serve") as caught:
        PluginDiscovery.from_path(tmp_path).get_action_config("nope")
    assert caught.value.details == {"available": ["export", "serve"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "must be a mapping"),
        ("- a\n- b\n", "must be a mapping"),
        ("1: x\n", "must be a mapping"),
        ("name: a\n", "code is missing"),
        ("name: [\n", "line 2"),
        ("name: a\nname: b\ncode: c\n", "line 2, column 1: key 'name' is given twice"),
        (b"\xff\xfe\x00name", "cannot be read as YAML"),
        (b"\x00\x01\x02", "cannot be read as YAML"),
        ("name: !!python/object/apply:os.system ['true']\ncode: a\n", "could not determine a constructor"),
        ("name: a\ncode: ../../etc\n", "code is '../../etc'; use letters"),
        ("name: a\ncode: a\nversion: 1.10\n", "put it in quotes"),
        ("name: a\ncode: a\nversion: ../x\n", "version is '../x'"),
        ("name: a\ncode: a\ncategory: exporter\n", "category is 'exporter'; use one of neural_net, export"),
        ("name: a\ncode: a\ncategory: neural_net\n", "data_type is missing: a neural_net plugin needs one of image"),
        ("name: a\ncode: a\nwheels_dir: ../../wheels\n", "wheels_dir: it must lie inside"),
        ("name: a\ncode: a\nenv: {A: [1]}\n", "env.A"),
        ("name: a\ncode: a\nactions: {x: {method: jobs}}\n", "actions.x.method is 'jobs'; use one of job, task"),
        (
            "name: a\ncode: a\nactions: {x: {entrypoint: '../x:Y'}}\n",
            "actions.x.entrypoint is '../x:Y'; use module.Class",
        ),
        ("name: a\ncode: a\nactions: {x: {entrypoint: 'os;rm'}}\n", "use module.Class"),
        ("name: a\ncode: a\nactions: {'a b': {}}\n", "'a b' is no action name"),
        ("name: a\ncode: a\nactions: [x]\n", "actions is"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_is_allowed(tmp_path, text, expected):
    assert expected in read_error(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path):
    message = read_error(tmp_path, "code: 'a b'\ncategory: x\n")
    assert all(key in message for key in ("name is missing", "code is", "category is"))


def test_a_huge_file_is_not_taken_for_a_configuration(tmp_path):
    assert "larger than 1 MiB" in read_error(tmp_path, "x: " + "a" * (2 << 20))


def test_requirements_are_read_without_comments(tmp_path):
    write(tmp_path, "\ufeff# tools\nnumpy==2.1.0 # fast\n\n--extra-index-url https://x\n", "requirements.txt")
    assert read_requirements(tmp_path / "requirements.txt") == ["numpy==2.1.0", "--extra-index-url https://x"]
    assert read_requirements(tmp_path / "none.txt") == []


def test_release_names_itself_by_code_and_version(tmp_path):
    write(tmp_path, SEED)
    release = PluginRelease(plugin_path=tmp_path)
    assert (release.plugin, release.version, release.code) == ("my_export_plugin", "1.0.0", "my_export_plugin@1.0.0")
    assert release.actions == ["export", "serve"]
    assert release.get_action_config("serve") == {"entrypoint": "plugin.serve:App"}
    assert release.get_url("http://store/x/") == f"http://store/x/{release.checksum}.zip"
    with pytest.raises(ActionNotFoundError):
        release.get_action_config("nope")
    with pytest.raises(ConfigurationError, match="has no code"):
        PluginRelease({"name": "x"})
