"""The story of the experiments, on a real server and a real worker: the demo itself is the test."""

import os
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

pytest.importorskip("torch")
pytest.importorskip("sklearn")


@pytest.mark.system
@pytest.mark.xdist_group("worker")
@pytest.mark.timeout(900)
def test_the_first_run_is_reproduced_bit_by_bit_after_the_loss_changed(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples/experiments/demo.py"), "--home", str(tmp_path)],
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    said = done.stdout.splitlines()
    assert "  the reproduction has the same metrics, bit by bit" in said
    assert "  and the same lock_sha256" in said
    accuracies = [line.split()[-1] for line in said if line.startswith("epoch 12/12")]
    assert len(accuracies) == 3
    assert accuracies[0] == accuracies[2] >= "0.95"
