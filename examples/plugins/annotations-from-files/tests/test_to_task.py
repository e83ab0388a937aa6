"""Run with `synapse plugin test --path .`."""

import pytest
from plugin.to_task import ToTask, box

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.actions.to_task import ToTaskParams
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext


def convert(tmp_path, text):
    file = tmp_path / "a.csv"
    file.write_text(text)
    action = ToTask(ToTaskParams(name="a", project=1, agent=1), RuntimeContext(NoOpLogger(), PluginEnvironment({})))
    return action.convert_data_from_file("", "a.png", str(file), file.name)


def test_each_line_is_a_box(tmp_path):
    found = convert(tmp_path, "cat,10,20,30,40\ndog,1.5,2,3,4\n")["annotations"]
    assert [(one["category"], one["bbox"]) for one in found] == [("cat", [10, 20, 30, 40]), ("dog", [1.5, 2, 3, 4])]


def test_a_line_that_is_no_box_is_refused():
    with pytest.raises(ValueError, match="could not convert"):
        box(1, ["cat", "ten", "20", "30", "40"])
