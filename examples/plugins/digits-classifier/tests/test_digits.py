"""Run with `synapse plugin test --path .`; skipped where torch or scikit-learn is not installed."""
# ruff: noqa: E402 - what may be missing is asked for before it is imported.

import pytest

WHY = "is not installed: pip install -r requirements.txt"
torch = pytest.importorskip("torch", reason=f"torch {WHY}")
pytest.importorskip("sklearn", reason=f"scikit-learn {WHY}")

import numpy as np
from PIL import Image
from plugin.network import classify, load_weights, read_digit, save_weights
from plugin.train import Train, TrainParams
from sklearn.datasets import load_digits

from synapse_sdk.loggers import NoOpLogger
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext


def train(**params):
    action = Train(TrainParams(**params), RuntimeContext(logger=NoOpLogger(), env=PluginEnvironment({})))
    return action, action.execute()


def test_the_network_learns_digits_in_seconds():
    _, result = train(epochs=30)
    assert result["accuracy"] > 0.93
    assert result["model_id"] is None


def test_weights_survive_being_kept_and_classify_pictures(tmp_path, monkeypatch):
    kept = tmp_path / "digits.json"
    monkeypatch.setattr(Train, "_store", lambda _self, weights, _accuracy: kept.write_bytes(weights.read_bytes()))
    train(epochs=30)
    network = load_weights(kept)
    again = tmp_path / "again.json"
    save_weights(network, again)
    assert again.read_text() == kept.read_text()

    digits = load_digits()
    pictures = [Image.fromarray((image / 16 * 255).astype(np.uint8)) for image in digits.images[:50]]
    answers = classify(network, torch.stack([read_digit(picture) for picture in pictures]))
    right = sum(answer["label"] == str(label) for answer, label in zip(answers, digits.target, strict=False))
    assert right >= 46
