"""An agent in one's hands, without a run around it; and its checkpoints when the disk refuses."""

import errno
import os

import pytest

from cvlabkit.core.config import Config
from cvlabkit.core.creator import Creator
from cvlabkit.core.randomness import seed_everything
from cvlabkit.core.state_file import read_state, write_state
from synapse_sdk.components.config_file import read_config_file
from synapse_sdk.exceptions import ComponentError
from tests.docs.pages import ROOT

STATE = {"epoch": 1, "step": 2, "history": [], "config": {}, "parts": {}}


@pytest.fixture
def digits():
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    values = read_config_file(ROOT / "examples/experiments/digits.yaml").data
    for key in ("checkpoint", "checkpoint_path", "logger"):
        del values[key]

    def make(**changes):
        seed_everything(7)
        return Creator(Config({**values, "epochs": 1, **changes})).agent()

    return make


def test_fit_load_and_evaluate_agree(digits, tmp_path):
    agent, other = digits(), digits(seed=8)
    (metrics,) = agent.fit()
    assert (agent.epoch, agent.step, agent.history) == (1, 23, [metrics])
    assert {**metrics, **agent.evaluate()} == metrics
    agent.save(tmp_path / "state.pt")
    assert other.evaluate() != agent.evaluate()
    other.load(tmp_path / "state.pt")
    assert (other.epoch, other.step, other.evaluate()) == (1, 23, agent.evaluate())
    assert agent.fit() == [metrics], "the epochs are done"
    assert digits().fit() == [metrics], "the same seed gives the same numbers"
    assert digits(seed=8).fit() != [metrics]


def test_a_device_that_is_not_there_is_refused_by_key(digits):
    import torch

    assert digits(device="auto").config.device == "auto"
    absent = "xpu:99" if torch.cuda.is_available() else "cuda"
    for name in (absent, "abacus"):
        with pytest.raises(ComponentError, match=f"device: this machine has no '{name}'"):
            digits(device=name).prepare()


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_checkpoint_that_cannot_be_written_leaves_the_old_one_alone(tmp_path, monkeypatch, function):
    path = tmp_path / "state"
    write_state(path, STATE)

    def refuse(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os if function == "fsync" else type(path), function, refuse)
    with pytest.raises(OSError, match="No space left"):
        write_state(path, {**STATE, "epoch": 2})
    assert read_state(path)["epoch"] == 1
    assert list(tmp_path.iterdir()) == [path]
