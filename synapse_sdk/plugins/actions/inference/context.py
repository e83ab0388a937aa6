"""What the steps of inferences and deployments share, and their progress categories."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.steps import BaseStepContext


class InferenceProgressCategories:
    """Progress of an inference."""

    MODEL_LOAD = "model_load"
    INFERENCE = "inference"
    POSTPROCESS = "postprocess"


class DeploymentProgressCategories:
    """Progress of a deployment."""

    INITIALIZE = "initialize"
    DEPLOY = "deploy"
    REGISTER = "register"


@dataclass
class InferenceContext(BaseStepContext):
    """State of an inference in steps.

    Attributes:
        model: The model's facts, with the `path` of its files once it is loaded.
        requests: Inputs.
        results: Outputs, in the order of the inputs.
    """

    params: Any = None
    model_id: int | None = None
    model: dict[str, Any] | None = None
    model_path: Path | None = None
    requests: list[Any] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    processed_count: int = 0


@dataclass
class DeploymentContext(BaseStepContext):
    """State of a deployment in steps.

    Attributes:
        serve_app_name: `code@version`.
        serve_app_id: Id of the application on the server, once it is registered.
    """

    params: Any = None
    serve_app_name: str | None = None
    route_prefix: str | None = None
    ray_actor_options: dict[str, Any] = field(default_factory=dict)
    deployed: bool = False
    serve_app_id: int | None = None
