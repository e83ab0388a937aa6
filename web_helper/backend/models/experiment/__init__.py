"""The tables of experiments, of the devices that run them, and of what devices ask people."""

from web_helper.backend.models.experiment.device import Device, DeviceConflict
from web_helper.backend.models.experiment.experiment import (
    RANKS,
    Experiment,
    ExperimentChunk,
    ExperimentComponentSet,
    ExperimentSubmission,
)

__all__ = [
    "RANKS",
    "Device",
    "DeviceConflict",
    "Experiment",
    "ExperimentChunk",
    "ExperimentComponentSet",
    "ExperimentSubmission",
]
