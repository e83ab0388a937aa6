"""A run that is interrupted, damaged, or watched while its files change."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cvlabkit.core.metrics_file import MetricsFile
from tests.cvlabkit.test_run import ROOT, run
from tests.cvlabkit.tree import AGENT, CONFIG, FILES, write_tree

METRICS = "logs/lines/first/metrics.jsonl"


def write_agent(root, *changes: tuple[str, str]) -> None:
    text = AGENT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (root / "cvlabkit/agent/fitter.py").write_text(text)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("epochs: 4", "epochs: four"), "config.yaml:9: epochs: 'four' is no whole number."),
        (("epochs: 4", "epochs: -1"), "config.yaml:9: epochs: -1 is less than 0."),
        (("epochs: 4", "epochs: true"), "is no whole number"),
        (("lr: 0.1", "lr: 0.1\nseed: x"), "config.yaml:9: seed: 'x'"),
        (("loss: scaled(scale=2)", "loss: absent"), "config.yaml:6: loss: there is no component loss/absent.py."),
        (("start=0.5", "start=high"), "config.yaml:4: model.main: model/line.py takes start as a number, not 'high'."),
        (("start=0.5", "start=true"), "takes start as a number"),
        (("lr: 0.1\n", ""), "config.yaml:5: optimizer: optimizer/held.py needs 'lr'"),
        (("loss: scaled(scale=2)", "loss: broken"), "loss: loss/broken.py:1: "),
        (
            ("loss: scaled(scale=2)", "loss: needy"),
            "loss/needy.py imports torch.surely_not, which is not installed; `pip",
        ),
        (("loss: scaled(scale=2)", "loss: halves"), "loss/halves.py cannot be imported"),
        (
            ("loss: scaled(scale=2)", "loss: narrow"),
            "narrow.py: its constructor takes 0 in front of `*`, and is given 1",
        ),
        (("values=[3.0, 3.0]", "values=[]"), "train_loader gave no batch"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path, change, said):
    write_tree(tmp_path, CONFIG.replace(*change))
    folder = tmp_path / "cvlabkit/component/loss"
    (folder / "broken.py").write_text("def (")
    narrow = "from cvlabkit.component.base import Loss\nclass Narrow(Loss):\n    def __init__(self): ...\n"
    (folder / "narrow.py").write_text(narrow)
    (folder / "needy.py").write_text("import torch.surely_not" if "needy" in change[1] else "")
    (folder / "halves.py").write_text("from cvlabkit.component.loss.scaled import Absent")
    path = tmp_path / "cvlabkit/component/model/line.py"
    path.write_text(path.read_text().replace("start=0.0", "start: 'float' = 0.0"))
    _, stderr = run(tmp_path, exit_code=1)
    assert said in stderr
    assert "Traceback" not in stderr


@pytest.mark.parametrize(("name", "said"), [("gone.yaml", "No such file"), (".", "Is a directory")])
def test_a_config_that_cannot_be_read_is_said(tmp_path, name, said):
    command = [sys.executable, "-m", "cvlabkit", "run", name]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {name}: {said}")
    assert done.stderr.count("\n") == 1


def test_an_argument_that_nothing_reads_is_warned_of(tmp_path):
    write_tree(tmp_path, CONFIG.replace("loss: scaled(scale=2)", "loss: scaled(scael=2)"))
    assert run(tmp_path)[1] == "Warning: config.yaml:6: loss: loss/scaled.py has no use for scael.\n"
    write_tree(tmp_path)
    assert run(tmp_path)[1] == ""


def test_an_error_of_a_component_keeps_its_stack_trace(tmp_path):
    write_tree(tmp_path)
    write_agent(tmp_path, ('return {"loss": error}', "return {'loss': 1 / 0}"))
    _, stderr = run(tmp_path, exit_code=1)
    assert "fitter.py" in stderr
    assert stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert (tmp_path / "logs/lines/first/imports.json").is_file()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_ends_cleanly_and_goes_on_as_if_it_had_not(tmp_path, number, code):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    write_tree(whole)
    run(whole)
    write_tree(parts, f"{CONFIG}checkpoint_path: state.json\nlog_interval: 1\n")
    # The second step of the third epoch never ends by itself.
    write_agent(
        parts,
        ("from cvlabkit", "import time\n\nfrom cvlabkit"),
        ("def train_step(self, batch):", "def train_step(self, batch):\n        time.sleep(300 * (self.step == 5))"),
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(
        [sys.executable, "-m", "cvlabkit", "run", "config.yaml"], cwd=parts, env=environment, stderr=subprocess.PIPE
    )
    with process:
        wait_for(lambda: '"step": 5' in read(parts / METRICS))
        assert "logs/lines/first: another process runs there" in run(parts, exit_code=1)[1]
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in stderr
    assert (parts / "logs/lines/first/imports.json").is_file()
    write_agent(parts)
    run(parts)
    rows = [json.loads(line) for line in read(parts / METRICS).splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8]
    assert [row for row in rows if "val_loss" in row] == [
        json.loads(line) for line in read(whole / METRICS).splitlines()
    ]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def read(path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"PK\x03\x04", b"\x80\x04."])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, content):
    write_tree(tmp_path)
    folder = tmp_path / "logs/lines/first"
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(content)
    assert "state: no checkpoint of the kit" in run(tmp_path, "--set", "checkpoint_path=state", exit_code=1)[1]
    assert (folder / "state").read_bytes() == content


def test_a_checkpoint_of_other_components_is_refused(tmp_path):
    write_tree(tmp_path)
    run(tmp_path, "--set", "checkpoint_path=state")
    path = tmp_path / "cvlabkit/component/model/line.py"
    path.write_text(path.read_text().replace('state["slope"]', 'state["bias"]'))
    stderr = run(tmp_path, "--set", "checkpoint_path=state", exit_code=1)[1]
    assert "the checkpoint's model does not fit what the config builds ('bias')" in stderr


def test_numbers_that_json_lacks_are_null_and_a_torn_line_is_written_again(tmp_path):
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    file.begin(0)
    file.write({"epoch": 1, "loss": float("nan"), "other": float("-inf")})
    file.write({"epoch": 2, "loss": 1.0})
    assert path.read_text() == '{"epoch": 1, "loss": null, "other": null}\n{"epoch": 2, "loss": 1.0}\n'
    file.close()
    with path.open("a") as torn:
        torn.write('{"epoch": 2')
    file.begin(2)
    file.write({"epoch": 3})
    file.close()
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_what_was_imported_is_written_with_the_bytes_that_ran(tmp_path):
    write_tree(tmp_path)
    (tmp_path / "cvlabkit/component/loss/unused.py").write_text("x = 1\n")
    (tmp_path / "cvlabkit/component/loss/scaled.py").write_text(
        FILES["component/loss/scaled.py"] + "\nimport runpy\nrunpy.run_path('cvlabkit/component/loss/also.py')\n"
    )
    (tmp_path / "cvlabkit/component/loss/also.py").write_text("x = 1\n")
    run(tmp_path)
    imports = json.loads((tmp_path / "logs/lines/first/imports.json").read_text())
    own = {name for name in imports if "/core/" not in name and "/base/" not in name and "__" not in name}
    expected = {f"cvlabkit/{name}" for name in FILES} - {
        f"cvlabkit/component/transform/{name}.py" for name in ("add", "times", "compose")
    }
    assert own == expected | {"cvlabkit/component/loss/also.py"}
    assert {"cvlabkit/__init__.py", "cvlabkit/core/agent.py", "cvlabkit/component/base/__init__.py"} <= set(imports)
    for name, digest in imports.items():
        root = tmp_path if name in own else ROOT
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest, name


def test_a_file_replaced_within_a_second_at_equal_length_never_runs_old_code(tmp_path):
    write_tree(tmp_path)
    path = tmp_path / "cvlabkit/component/loss/scaled.py"
    for before, after in ((2, 3), (3, 4)):
        write_loss(path, before)
        # What another program left there, which trusts times and sizes.
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(path.parent)], check=True)
        write_loss(path, after)
        (told,), _ = run(tmp_path, "--set", "epochs=1")
        assert told["metrics"]["loss"] == after


def write_loss(path, value: int) -> None:
    text = FILES["component/loss/scaled.py"]
    path.write_text(text.replace("return self.scale * super().__call__(found, wanted)", f"return {value}.0"))
    os.utime(path, (1_000_000_000, 1_000_000_000))
