"""Inference: models run over data, or put behind HTTP and asked there."""

from synapse_sdk.plugins.actions.inference.action import BaseInferenceAction
from synapse_sdk.plugins.actions.inference.batching import batch
from synapse_sdk.plugins.actions.inference.context import (
    DeploymentContext,
    DeploymentProgressCategories,
    InferenceContext,
    InferenceProgressCategories,
)
from synapse_sdk.plugins.actions.inference.deployment import BaseDeploymentAction, BaseDeploymentParams
from synapse_sdk.plugins.actions.inference.log_messages import DeploymentLogMessageCode, InferenceLogMessageCode
from synapse_sdk.plugins.actions.inference.serve import BaseServeDeployment, InferParams

__all__ = [
    "BaseDeploymentAction",
    "BaseDeploymentParams",
    "BaseInferenceAction",
    "BaseServeDeployment",
    "DeploymentContext",
    "DeploymentLogMessageCode",
    "DeploymentProgressCategories",
    "InferParams",
    "InferenceContext",
    "InferenceLogMessageCode",
    "InferenceProgressCategories",
    "batch",
]
