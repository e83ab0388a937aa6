"""The story of the experiments, on a real server and a real worker: the demo itself is the test."""

import os
import signal
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
    command = [sys.executable, str(ROOT / "examples/experiments/demo.py"), "--home", str(tmp_path)]
    env = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=800)
        except BaseException:
            # It stops its server and its worker.
            process.send_signal(signal.SIGINT)
            raise
    assert process.returncode == 0, f"{out}\n{err}"
    said = out.splitlines()
    assert "  the reproduction has the same metrics, bit by bit" in said
    assert "  and the same lock_sha256" in said
    accuracies = [line.split()[-1] for line in said if line.startswith("epoch 12/12")]
    assert len(accuracies) == 3
    assert accuracies[0] == accuracies[2] >= "0.95"
