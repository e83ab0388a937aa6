"""Runs actions on a Ray cluster: in an actor, detached, or as a job of Ray's Jobs API (contract, 6.5).

Importing this needs no Ray; making an executor does.
"""

from synapse_sdk.plugins.executors.ray.base import BaseRayExecutor
from synapse_sdk.plugins.executors.ray.job import RayJobExecutor
from synapse_sdk.plugins.executors.ray.jobs_api import RayJobsApiExecutor
from synapse_sdk.plugins.executors.ray.pipeline import RayPipelineExecutor
from synapse_sdk.plugins.executors.ray.task import RayActorExecutor

__all__ = ["BaseRayExecutor", "RayActorExecutor", "RayJobExecutor", "RayJobsApiExecutor", "RayPipelineExecutor"]
