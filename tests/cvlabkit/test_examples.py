"""The example experiments train, reach what they promise, and give the same metrics whenever they are run."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("torch")
pytest.importorskip("sklearn")

EXAMPLES = ROOT / "examples/experiments"
# Processes that import torch.
pytestmark = pytest.mark.system


def start(folder: Path, example: str, *options: str) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "cvlabkit", "run", str(EXAMPLES / example), "--set", "log_dir=run", *options]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run(folder: Path, example: str, *options: str) -> list[dict]:
    with start(folder, example, *options) as process:
        out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    return [json.loads(line)["metrics"] for line in out.splitlines()]


def test_the_digits_are_learned_bit_by_bit_the_same_even_when_interrupted(tmp_path):
    (metrics,) = run(tmp_path / "first", "digits.yaml")
    assert metrics["val_accuracy"] >= 0.95
    expected = (tmp_path / "first/run/metrics.jsonl").read_bytes()
    with start(tmp_path / "second", "digits.yaml") as process:
        wait_for_epoch(tmp_path / "second/run/metrics.jsonl", 3)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert run(tmp_path / "second", "digits.yaml") == [metrics]
    assert (tmp_path / "second/run/metrics.jsonl").read_bytes() == expected
    assert (tmp_path / "second/run/best.pt").is_file()
    imports = set(json.loads((tmp_path / "first/run/imports.json").read_text()))
    assert {"cvlabkit/agent/classification.py", "cvlabkit/component/loss/cross_entropy.py"} <= imports
    assert "cvlabkit/component/loss/focal.py" not in imports


def wait_for_epoch(path: Path, epoch: int) -> None:
    deadline = time.monotonic() + 120
    while not (path.exists() and f'"epoch": {epoch},' in path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_with_other_values_goes_on_from_no_checkpoint(tmp_path):
    run(tmp_path, "digits.yaml", "--set", "epochs=1")
    for change, said in {"lr=0.1": "with other values of lr;", "epochs=0": "of 1 epochs already;"}.items():
        with start(tmp_path, "digits.yaml", "--set", change) as process:
            _, err = process.communicate(timeout=120)
        assert process.returncode == 1
        assert said in err


def test_batches_of_spawned_processes_are_those_of_this_one(tmp_path):
    # A data set of the working tree: spawned processes must look there, too.
    place = tmp_path / "spawned/cvlabkit/component/dataset/own.py"
    place.parent.mkdir(parents=True)
    place.write_text((ROOT / "cvlabkit/component/dataset/digits.py").read_text())
    options = ("--set", "epochs=2", "--set", "dataset.train=own(split=train)")
    loader = "dataloader.train=basic(shuffle=true, num_workers=1, start_method=spawn)"
    spawned = run(tmp_path / "spawned", "digits.yaml", *options, "--set", loader)
    assert spawned == run(tmp_path / "alone", "digits.yaml", "--base", str(tmp_path / "spawned"), *options)
    imports = json.loads((tmp_path / "spawned/run/imports.json").read_text())
    assert "cvlabkit/component/dataset/own.py" in imports


def test_the_second_version_of_the_loss_gives_other_numbers(tmp_path):
    base = ("--base", str(EXAMPLES / "label-smoothing"), "--set", "epochs=1")
    (smoothed,), (plain,) = run(tmp_path / "a", "digits.yaml", *base), run(tmp_path / "b", "digits.yaml", *base[2:])
    assert smoothed["val_loss"] > plain["val_loss"]


def test_a_grid_is_four_runs_the_baseline_one_and_the_detector_finds_digits(tmp_path):
    assert len(run(tmp_path / "grid", "digits-grid.yaml", "--set", "epochs=1")) == 4
    assert run(tmp_path / "ridge", "digits-ridge.yaml")[0]["val_accuracy"] > 0.9
    assert run(tmp_path / "detection", "digit-detection.yaml")[0]["val_map_50"] > 0.8
