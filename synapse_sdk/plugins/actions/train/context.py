"""State that the steps of one training share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.plugins.steps import BaseStepContext


@dataclass
class TrainContext(BaseStepContext):
    """What a training knows, from its parameters to its model.

    Attributes:
        params: The action's parameters.
        dataset: What is trained on, as `get_dataset` or an earlier step made it.
        model_path: Where the weights lie.
        model: The model on the server.
    """

    params: dict[str, Any] = field(default_factory=dict)
    dataset: Any = None
    model_path: str | None = None
    model: Mapping[str, Any] | None = None
