from plugin.models import Echo
from synapse_sdk.plugins.actions.inference import BaseDeploymentAction


class Deployment(BaseDeploymentAction):
    entrypoint = Echo
