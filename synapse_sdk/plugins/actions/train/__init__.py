"""Training: a data set in, a model of the platform out."""

from synapse_sdk.plugins.actions.train.action import BaseTrainAction, TrainProgressCategories
from synapse_sdk.plugins.actions.train.context import TrainContext
from synapse_sdk.plugins.actions.train.log_messages import TrainLogMessageCode
from synapse_sdk.plugins.actions.train.params import BaseTrainParams

__all__ = ["BaseTrainAction", "BaseTrainParams", "TrainContext", "TrainLogMessageCode", "TrainProgressCategories"]
