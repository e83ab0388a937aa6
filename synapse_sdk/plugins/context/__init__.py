from synapse_sdk.plugins.context.env import PluginEnvironment
from synapse_sdk.plugins.context.runtime import RuntimeContext

__all__ = ["PluginEnvironment", "RuntimeContext"]
