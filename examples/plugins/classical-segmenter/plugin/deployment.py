"""Puts the segmenter behind HTTP."""

from plugin.inference import Segmenter
from synapse_sdk.plugins.actions.inference import BaseDeploymentAction


class Deployment(BaseDeploymentAction):
    entrypoint = Segmenter
