"""Bodies and answers of the v1 API, under the names that plugins know. The bodies are those of the wire."""

from __future__ import annotations

from synapse_sdk.clients.backend.records import Agent, Storage, StorageProvider
from synapse_sdk.wire.data import ContentReference as DataUnitFileReference
from synapse_sdk.wire.data import DataUnitCreate as DataUnitCreateRequest
from synapse_sdk.wire.data import StorageCategory
from synapse_sdk.wire.jobs import JobStatus
from synapse_sdk.wire.plugins import JobChange as UpdateJobRequest
from synapse_sdk.wire.plugins import ModelCreate as ModelCreateRequest
from synapse_sdk.wire.plugins import PluginReleaseCreate as PluginReleaseCreateRequest
from synapse_sdk.wire.plugins import PluginRun as PluginRunRequest
from synapse_sdk.wire.serve import ServeApplicationCreate as ServeApplicationCreateRequest
from synapse_sdk.wire.work import SetTagsRequest
from synapse_sdk.wire.work import TaskCreate as TaskCreateRequest

__all__ = [
    "Agent",
    "DataUnitCreateRequest",
    "DataUnitFileReference",
    "JobStatus",
    "ModelCreateRequest",
    "PluginReleaseCreateRequest",
    "PluginRunRequest",
    "ServeApplicationCreateRequest",
    "SetTagsRequest",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "TaskCreateRequest",
    "UpdateJobRequest",
]
