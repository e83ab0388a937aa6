"""Puts the classifier behind HTTP."""

from plugin.inference import Digits
from synapse_sdk.plugins.actions.inference import BaseDeploymentAction


class Deployment(BaseDeploymentAction):
    entrypoint = Digits
