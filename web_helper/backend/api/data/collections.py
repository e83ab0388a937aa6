"""Data collections with their file specifications: v1 and v2."""

from __future__ import annotations

from synapse_sdk.wire.data import DataCollection, DataCollectionChange, DataCollectionCreate
from web_helper.backend.api.resource import Resource
from web_helper.backend.queries.data import collections as queries
from web_helper.backend.services.data import collections as service

_collections = Resource("data_collections", queries.LISTING, DataCollection)
_collections.listed()
_collections.created(service.create_collection, DataCollectionCreate)
_collections.read()
_collections.changed(service.update_collection, DataCollectionChange)
_collections.deleted(service.delete_collection)

router = _collections.router
