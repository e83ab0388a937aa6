from synapse_sdk.loggers.base import BaseLogger, LogEntry, ProgressData
from synapse_sdk.loggers.console import ConsoleLogger, NoOpLogger
from synapse_sdk.loggers.job import BackendLogger, JobLogger
from synapse_sdk.loggers.outbox import LoggerBackend, send_leftovers

__all__ = [
    "BackendLogger",
    "BaseLogger",
    "ConsoleLogger",
    "JobLogger",
    "LogEntry",
    "LoggerBackend",
    "NoOpLogger",
    "ProgressData",
    "send_leftovers",
]
