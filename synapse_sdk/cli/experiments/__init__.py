"""`synapse experiment` and `synapse notification`: what runs on the lab's machines, and what those ask."""

from synapse_sdk.cli.experiments.command import app
from synapse_sdk.cli.experiments.notifications import app as notifications

__all__ = ["app", "notifications"]
