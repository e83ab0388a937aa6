"""`python -m cvlabkit run config.yaml` alone, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cvlabkit.core.config import Config
from tests.cvlabkit.tree import CONFIG, FILES, write_tree

ROOT = Path(__file__).parents[2]


def run(root: Path, *options: str, exit_code: int = 0) -> tuple[list[dict], str]:
    command = [sys.executable, "-m", "cvlabkit", "run", "config.yaml", *options]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == exit_code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_config_is_trained_and_logged(tmp_path):
    write_tree(tmp_path)
    (told,), _ = run(tmp_path)
    assert (told["run"], told["epochs"]) == ("logs/lines/first", 4)
    lines = [json.loads(line) for line in (tmp_path / "logs/lines/first/metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    losses = [line["val_loss"] for line in lines]
    assert losses == sorted(losses, reverse=True)
    assert lines[-1].items() >= told["metrics"].items()
    assert (tmp_path / "logs/lines/first/config.yaml").is_file()


def test_a_grid_is_as_many_runs_and_the_same_run_gives_the_same(tmp_path):
    write_tree(tmp_path, CONFIG.replace("lr: 0.1", "lr: [0.1, 0.2]\nseed: 1"))
    told, _ = run(tmp_path)
    assert [each["run"] for each in told] == ["logs/lines/first_0", "logs/lines/first_1"]
    assert told[0]["metrics"] != told[1]["metrics"]
    assert run(tmp_path)[0] == told


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    write_tree(whole)
    (expected,), _ = run(whole)
    for epochs in (2, 4):
        write_tree(parts, CONFIG.replace("epochs: 4", f"epochs: {epochs}\ncheckpoint_path: state.pt"))
        (told,), _ = run(parts)
    assert told["metrics"] == expected["metrics"]
    metrics = "logs/lines/first/metrics.jsonl"
    assert (parts / metrics).read_bytes() == (whole / metrics).read_bytes()
    again, _ = run(parts)
    assert again == [told]
    assert (parts / metrics).read_bytes() == (whole / metrics).read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("loss: scaled(scale=2)", "loss: absent"), "no component loss/absent.py"),
        (("lr: 0.1\n", ""), "optimizer/held.py needs 'lr'"),
        (("optimizer: held\n", ""), "config.yaml:1: The config has no optimizer"),
        (("agent: fitter", "agent: 3"), "config.yaml:3: agent: "),
        (("agent: fitter", "agent: filter"), "there is no component agent/filter.py. Did you mean fitter?"),
        (("agent: fitter", ""), "has no agent; under agent there is nothing. Write `agent: classification`, say."),
        (("lr: 0.1", "lr: !!python/object:os.system 1"), "the tag !!python/object:os.system is refused"),
        (("epochs: 4", "epochs: [1, 2"), "config.yaml:"),
        (("project: lines", "project: []"), "empty list"),
    ],
)
def test_what_is_wrong_is_said_without_a_stack_trace(tmp_path, change, said):
    write_tree(tmp_path, CONFIG.replace(*change))
    _, stderr = run(tmp_path, exit_code=1)
    assert said in stderr
    assert "Traceback" not in stderr


def test_a_project_name_leads_nowhere_else(tmp_path):
    inner = tmp_path / "inner"
    write_tree(
        inner, CONFIG.replace("project: lines", "project: ../../evil").replace("run_name: first", "run_name: /etc")
    )
    (told,), _ = run(inner)
    assert told["run"] == "logs/_.._evil/_etc"
    assert {path.name for path in tmp_path.iterdir()} == {"inner"}


def test_two_classes_in_a_file_or_none_are_refused(tmp_path):
    write_tree(tmp_path)
    path = tmp_path / "cvlabkit/component/loss/scaled.py"
    path.write_text(FILES["component/loss/scaled.py"].replace("class Scaled(Part)", "class Scaled(Loss)"))
    assert "one class must be a Loss; found Part, Scaled" in run(tmp_path, exit_code=1)[1]
    path.write_text("x = 1\n")
    assert "found none" in run(tmp_path, exit_code=1)[1]


def test_a_value_of_the_command_line_wins(tmp_path):
    write_tree(tmp_path)
    (told,), _ = run(tmp_path, "--set", "log_dir=run", "--set", "loss=scaled(scale=3)", "--set", "model.main=line")
    assert told["run"] == "run"
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"config.yaml", "metrics.jsonl", "imports.json"}
    config = Config(tmp_path / "run/config.yaml")
    assert (config["loss"], config["model.main"], config["seed"]) == ("scaled(scale=3)", "line", 0)
    assert [each["run"] for each in run(tmp_path, "--set", "lr=[0.1, 0.2]", "--set", "log_dir=grid")[0]] == [
        "grid_0",
        "grid_1",
    ]
    refused = {
        "lr=[1": "--set lr:1",
        "loss=absent": "Error: --set loss: there is no component",
        "model.main=3": "Error: --set model.main: a component is text",
    }
    for change, said in refused.items():
        assert said in run(tmp_path, "--set", change, exit_code=1)[1]
    for change in ("lr", "=1", "a..b=1"):
        assert "is not written key=value" in run(tmp_path, "--set", change, exit_code=2)[1]


def test_what_is_a_list_in_a_run_reads_back_as_data(tmp_path):
    write_tree(tmp_path, CONFIG.replace("numbers(values=[3.0, 3.0])", "numbers\nvalues: [[3.0, 1.0], [2.0]]"))
    told, _ = run(tmp_path)
    write_tree(tmp_path, (tmp_path / "logs/lines/first_0/config.yaml").read_text())
    assert run(tmp_path)[0] == [told[0] | {"run": "logs/lines/first"}]


def test_each_run_of_a_grid_goes_on_from_its_own_checkpoint(tmp_path):
    write_tree(tmp_path, CONFIG.replace("lr: 0.1", "lr: [0.1, 0.2]"))
    expected, _ = run(tmp_path)
    assert run(tmp_path, "--set", "checkpoint_path=state.pt")[0] == expected
    assert run(tmp_path, "--set", "checkpoint_path=state.pt")[0] == expected
