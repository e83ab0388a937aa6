"""An older name of `synapse_sdk.plugins.enums` that guides still use."""

from synapse_sdk.plugins.enums import PluginCategory

__all__ = ["PluginCategory"]
