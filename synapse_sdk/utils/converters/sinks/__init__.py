"""Where a data set goes: a folder of this machine, or what stands in for one."""

from synapse_sdk.utils.converters.sinks.local import LocalSink
from synapse_sdk.utils.converters.sinks.sink import JoinedOutput, Output, Sink, WrittenFile

__all__ = ["JoinedOutput", "LocalSink", "Output", "Sink", "WrittenFile"]
