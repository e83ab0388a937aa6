"""Client of the v2 API."""

from synapse_sdk.clients.backend_v2.client import SYNAPSE_BACKEND_VERSION, BackendV2Client
from synapse_sdk.clients.backend_v2.paginator import SyncCursorPaginator

__all__ = ["SYNAPSE_BACKEND_VERSION", "BackendV2Client", "SyncCursorPaginator"]
