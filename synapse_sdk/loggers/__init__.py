from synapse_sdk.loggers.base import BaseLogger, LogEntry, ProgressData
from synapse_sdk.loggers.console import ConsoleLogger, NoOpLogger

__all__ = ["BaseLogger", "ConsoleLogger", "LogEntry", "NoOpLogger", "ProgressData"]
