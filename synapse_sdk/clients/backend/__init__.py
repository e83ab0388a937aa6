"""Client of the v1 API."""

from synapse_sdk.clients.backend.client import BackendClient
from synapse_sdk.clients.backend.collection import BulkUploadClientMixin
from synapse_sdk.clients.backend.models import (
    Agent,
    JobStatus,
    Storage,
    StorageCategory,
    StorageProvider,
    UpdateJobRequest,
)

__all__ = [
    "Agent",
    "BackendClient",
    "BulkUploadClientMixin",
    "JobStatus",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "UpdateJobRequest",
]
