"""The base classes of components: one per category."""

from cvlabkit.component.base.component import Component
from cvlabkit.component.base.data import DataLoader, Dataset, Sampler, Transform
from cvlabkit.component.base.learning import Loss, Model, Optimizer, Scheduler, Solver
from cvlabkit.component.base.record import Checkpoint, Logger, Metric

__all__ = [
    "Checkpoint",
    "Component",
    "DataLoader",
    "Dataset",
    "Logger",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Sampler",
    "Scheduler",
    "Solver",
    "Transform",
]
