"""Trains the network and stores its weights as a model of the platform."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, Field
from sklearn.datasets import load_digits
from torch import nn

from plugin.network import WHITE, load_weights, make_network, save_weights
from synapse_sdk.plugins.actions.train import BaseTrainAction, BaseTrainParams
from synapse_sdk.plugins.types import ModelWeights

TEST_SHARE = 5


class TrainParams(BaseTrainParams):
    epochs: int = Field(30, ge=1)
    learning_rate: float = Field(0.01, gt=0)
    seed: int = 0


class TrainResult(BaseModel):
    model_id: int | None
    accuracy: float
    epochs: int


class Train(BaseTrainAction[TrainParams]):
    output_type = ModelWeights
    result_model = TrainResult

    def execute(self) -> dict[str, Any]:
        torch.manual_seed(self.params.seed)
        (inputs, labels), (test_inputs, test_labels) = self._split()
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = self.get_checkpoint(folder)
            network = load_weights(Path(checkpoint["path"])) if checkpoint else make_network()
            self._train(network.train(), inputs, labels)
            correct = network.eval()(test_inputs).argmax(dim=1) == test_labels
            accuracy = round(float(correct.float().mean()), 4)
            weights = Path(folder) / "digits.json"
            save_weights(network, weights)
            model = self._store(weights, accuracy)
        return {"model_id": model, "accuracy": accuracy, "epochs": self.params.epochs}

    def _split(self) -> Any:
        self.set_progress(0, 1, self.progress.DATASET)
        digits = load_digits()
        inputs = torch.tensor(digits.data / WHITE, dtype=torch.float32)
        labels = torch.tensor(digits.target)
        is_test = torch.arange(len(labels)) % TEST_SHARE == 0
        self.set_progress(1, 1, self.progress.DATASET)
        return (inputs[~is_test], labels[~is_test]), (inputs[is_test], labels[is_test])

    def _train(self, network: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        optimizer = torch.optim.Adam(network.parameters(), self.params.learning_rate)
        for epoch in range(1, self.params.epochs + 1):
            for rows in torch.randperm(len(labels)).split(64):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(network(inputs[rows]), labels[rows])
                loss.backward()
                optimizer.step()
            self.log_metric("train", "loss", float(loss.detach()), epoch=epoch)
            self.set_progress(epoch, self.params.epochs, self.progress.TRAIN)

    def _store(self, weights: Path, accuracy: float) -> int | None:
        if self.ctx.client is None:
            self.log_message("Not logged in: the weights are not kept.", "warning")
            return None
        return int(self.create_model(weights, metadata={"accuracy": accuracy})["id"])
