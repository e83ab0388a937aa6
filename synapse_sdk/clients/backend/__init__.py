"""Client of the v1 API. The models are loaded on first use: a client that fetches needs none of them."""

from typing import TYPE_CHECKING, Any

from synapse_sdk.clients.backend.client import BackendClient
from synapse_sdk.clients.backend.collection import BulkUploadClientMixin

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from synapse_sdk.clients.backend import models

    return getattr(models, name)
