from synapse_sdk.plugins.executors.local import InlineExecutor, LocalExecutor
from synapse_sdk.plugins.executors.protocol import ExecutorProtocol

__all__ = ["ExecutorProtocol", "InlineExecutor", "LocalExecutor"]
