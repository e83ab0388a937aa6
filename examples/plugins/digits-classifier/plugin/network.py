"""The network, its weights as JSON, and images as its input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

SIDE = 8
# scikit-learn's digits count from 0 to 16.
WHITE = 16.0


def make_network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(SIDE * SIDE, 32), nn.ReLU(), nn.Linear(32, 10))


def save_weights(network: nn.Module, path: Path) -> None:
    """JSON, not a pickle: loading it runs no code."""
    path.write_text(json.dumps({name: tensor.tolist() for name, tensor in network.state_dict().items()}))


def load_weights(path: Path) -> nn.Sequential:
    network = make_network()
    weights = json.loads(path.read_text())
    network.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    return network.eval()


def read_digit(image: Image.Image) -> torch.Tensor:
    """A picture of a light digit on a dark ground, as the network's input."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return torch.tensor(np.asarray(small, dtype=np.float32).ravel() / 255.0)


def classify(network: nn.Module, digits: torch.Tensor) -> list[dict[str, Any]]:
    """Label and confidence of each digit."""
    with torch.no_grad():
        scores, labels = torch.softmax(network(digits), dim=1).max(dim=1)
    return [
        {"label": str(int(label)), "score": round(float(score), 6)} for label, score in zip(labels, scores, strict=True)
    ]
