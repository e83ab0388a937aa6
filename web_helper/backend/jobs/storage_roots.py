"""The storages of one job, each opened once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from synapse_sdk.exceptions import StorageError
from web_helper.backend.models import Storage
from web_helper.backend.services.data.storages import open_root


class StorageRoots:
    """Opens storages by id; a root is a folder, or a bucket that behaves like one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._roots: dict[int, Path] = {}

    def open(self, storage_id: int) -> Path:
        """The root of a storage.

        Raises:
            StorageError: Its row is gone, or its configuration does not lead anywhere.
        """
        if storage_id not in self._roots:
            row = self._session.get(Storage, storage_id)
            if row is None:
                raise StorageError(f"The storage {storage_id} was deleted.")
            self._roots[storage_id] = open_root(row)
        return self._roots[storage_id]
