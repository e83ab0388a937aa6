"""Storages: the rows, and the folder or bucket behind each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from synapse_sdk.exceptions import StorageError
from synapse_sdk.utils.storage import check_storage, get_pathlib
from synapse_sdk.wire.accounts import Scope
from synapse_sdk.wire.data import StorageChange, StorageCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import Storage
from web_helper.backend.queries.data import storages as queries
from web_helper.backend.services.access import has_scope, require_admin
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.objects import StorageFailedError

MASK = "********"
# What of a configuration everyone may see: anything else is a secret, or may hold one.
PUBLIC_KEYS = frozenset({"bucket_name", "region_name", "endpoint_url", "root_path"})


def open_root(storage: Storage) -> Path:
    """The folder or bucket that the storage stands for.

    Raises:
        StorageFailedError: Its configuration does not lead anywhere.
    """
    try:
        root: Path = get_pathlib({"provider": storage.provider, "configuration": storage.configuration}, "")
    except StorageError as exc:
        raise StorageFailedError(f"Storage {storage.id} cannot be opened: {exc}") from exc
    return root


def root_of(session: Session, storage_id: int, *, by: datetime | None = None) -> Path:
    """The folder or bucket of a storage that a signed link names.

    Args:
        session: Reads the storage.
        storage_id: Its number, which SQLite gives again when it was deleted.
        by: When it was there already.
    """
    storage = session.get(Storage, storage_id)
    if storage is None or (by is not None and storage.created > by):
        raise NotFoundProblem.of("storage", storage_id)
    return open_root(storage)


def masked(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with every value hidden that might be a secret."""
    return {name: value if name in PUBLIC_KEYS else MASK for name, value in configuration.items()}


def may_see_configuration(call: Call) -> bool:
    """Whether the caller writes into storages as part of their work: administrators and managers of a project."""
    if not has_scope(call.actor, Scope.WRITE):
        return False
    return call.actor.is_admin or queries.manages_any_project(call.session, call.actor.user_id)


def storage_for(call: Call, storage_id: int | None) -> Storage:
    """The named storage, or the default one."""
    if storage_id is None:
        default = queries.default_storage(call.session)
        if default is None:
            raise ConflictProblem("No storage is the default one; name a storage, or make one the default.")
        return default
    storage = call.session.get(Storage, storage_id)
    if storage is None:
        raise NotFoundProblem.of("storage", storage_id)
    return storage


def destination_of(call: Call, storage_id: int | None = None) -> tuple[int, Path]:
    """The storage that bytes go to, and its root: for all of an upload, though another one becomes the default."""
    storage = storage_for(call, storage_id)
    return storage.id, open_root(storage)


def read_storage(call: Call, storage_id: int, *, with_configuration: bool) -> tuple[Storage, dict[str, Any]]:
    """A storage and its configuration, masked unless it is asked for by who may see it."""
    storage = storage_for(call, storage_id)
    if not with_configuration:
        return storage, masked(storage.configuration)
    if not may_see_configuration(call):
        raise PermissionProblem(
            "The configuration of a storage is for administrators and managers of a project, with a key that writes."
        )
    return storage, dict(storage.configuration)


def create_storage(call: Call, body: StorageCreate) -> Storage:
    """Add a storage; a folder that does not exist yet is made."""
    require_admin(call.actor)
    storage = Storage(
        name=body.name,
        category=body.category,
        provider=body.provider,
        configuration=dict(body.configuration),
    )
    _refuse_name(call, storage.name)
    _try_to_open(storage)
    call.session.add(storage)
    call.session.flush()
    if body.is_default or queries.default_storage(call.session) is None:
        queries.make_default(call.session, storage.id)
        call.session.refresh(storage)
    return storage


def update_storage(call: Call, storage_id: int, body: StorageChange) -> Storage:
    """Change a storage; where its files lie must not change under them."""
    require_admin(call.actor)
    storage = storage_for(call, storage_id)
    if body.name is not None and body.name != storage.name:
        _refuse_name(call, body.name)
        storage.name = body.name
    storage.category = body.category or storage.category
    storage.provider = body.provider or storage.provider
    if body.configuration is not None:
        storage.configuration = _unmasked(body.configuration, storage.configuration)
    if body.provider or body.configuration is not None:
        _try_to_open(storage)
    if body.is_default is False and storage.is_default:
        raise ConflictProblem(f"Storage {storage_id} is the default one; make another one the default instead.")
    call.session.flush()
    if body.is_default:
        queries.make_default(call.session, storage.id)
        call.session.refresh(storage)
    return storage


def delete_storage(call: Call, storage_id: int) -> None:
    """Forget a storage that holds no files; its folder or bucket stays."""
    require_admin(call.actor)
    storage = storage_for(call, storage_id)
    if storage.is_default:
        raise ConflictProblem(f"Storage {storage_id} is the default one; make another one the default first.")
    if queries.holds_files(call.session, storage_id):
        raise ConflictProblem(f"Storage {storage_id} holds files; it cannot be deleted.")
    call.session.delete(storage)


def _unmasked(given: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration that was read masked, changed and sent back: masked values stay what they were."""
    return {name: stored[name] if value == MASK and name in stored else value for name, value in given.items()}


def _refuse_name(call: Call, name: str) -> None:
    if queries.has_name(call.session, name):
        raise ConflictProblem(f"There is a storage named {name!r} already; choose another name.")


def _try_to_open(storage: Storage) -> None:
    try:
        check_storage({"provider": storage.provider, "configuration": storage.configuration})
    except StorageError as exc:
        raise ValidationProblem.of_field("configuration", str(exc)) from exc
