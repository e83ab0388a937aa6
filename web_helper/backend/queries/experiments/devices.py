"""Devices, their keys, and the conflicts that they ask people about."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session, undefer

from synapse_sdk.wire.devices import NotificationStatus, Resolution
from web_helper.backend.models import Device, DeviceConflict, Token, User


class ConflictRow(NamedTuple):
    """A conflict, the host that has it, and who has answered."""

    conflict: DeviceConflict
    host_id: str
    email: str | None


def device_of_host(session: Session, host_id: str) -> Device | None:
    """The device of a host, locked (index: unique host_id)."""
    return session.scalar(select(Device).where(Device.host_id == host_id).with_for_update(of=Device))


def all_devices(session: Session) -> list[Device]:
    """Every device, by host."""
    return list(session.scalars(select(Device).order_by(Device.host_id)))


def keyed_devices(session: Session) -> dict[int, bool]:
    """Devices that have joined and were not removed, and whether their key works (index: tokens.device_id)."""
    query = select(Token.device_id, Token.revoked_at).where(Token.device_id.is_not(None))
    return {device_id: revoked_at is None for device_id, revoked_at in session.execute(query) if device_id is not None}


def delete_keys(session: Session, device_id: int) -> None:
    """Forget the keys of a device (index: tokens.device_id)."""
    session.execute(delete(Token).where(Token.device_id == device_id))


def close_questions(session: Session, device_id: int, outcome: str) -> None:
    """Nobody is left to carry out an answer (index: unique device_id, fingerprint)."""
    open_states = (NotificationStatus.PENDING, NotificationStatus.ANSWERED)
    query = update(DeviceConflict).where(DeviceConflict.device_id == device_id, DeviceConflict.status.in_(open_states))
    session.execute(query.values(status=NotificationStatus.FAILED, outcome=outcome))


def conflict_of(session: Session, conflict_id: int) -> ConflictRow | None:
    """One conflict, locked (primary key)."""
    query = _conflicts().where(DeviceConflict.id == conflict_id).with_for_update(of=DeviceConflict)
    return next((ConflictRow(*row) for row in session.execute(query)), None)


def shown_conflict(session: Session, conflict_id: int) -> ConflictRow | None:
    """One conflict with the device's content, to be read only (primary key)."""
    query = _conflicts().where(DeviceConflict.id == conflict_id).options(undefer(DeviceConflict.local_content))
    return next((ConflictRow(*row) for row in session.execute(query)), None)


def same_conflict(session: Session, device_id: int, fingerprint: str) -> ConflictRow | None:
    """A conflict that was asked about before, locked (index: unique device_id, fingerprint)."""
    query = _conflicts().where(DeviceConflict.device_id == device_id, DeviceConflict.fingerprint == fingerprint)
    return next((ConflictRow(*row) for row in session.execute(query.with_for_update(of=DeviceConflict))), None)


def pending_at(session: Session, device_id: int, path: str) -> list[DeviceConflict]:
    """Open questions about one file of a device (index: unique device_id, fingerprint)."""
    query = select(DeviceConflict).where(DeviceConflict.device_id == device_id, DeviceConflict.path == path)
    return list(session.scalars(query.where(DeviceConflict.status == NotificationStatus.PENDING)))


def list_conflicts(session: Session, *, status: NotificationStatus | None, limit: int) -> list[ConflictRow]:
    """Conflicts, the newest first (index: status, id; primary key)."""
    query = _conflicts().order_by(DeviceConflict.id.desc()).limit(limit)
    if status is not None:
        query = query.where(DeviceConflict.status == status)
    return [ConflictRow(*row) for row in session.execute(query)]


def answers_for(session: Session, device_id: int) -> list[DeviceConflict]:
    """Decisions that a device has not carried out, oldest first (index: status, id)."""
    query = select(DeviceConflict).where(
        DeviceConflict.status == NotificationStatus.ANSWERED, DeviceConflict.device_id == device_id
    )
    return list(session.scalars(query.order_by(DeviceConflict.id)))


def approved_uploads(session: Session, device_id: int) -> set[tuple[str, str]]:
    """Path and SHA-256 of what people have decided that a device shall upload (index: status, id)."""
    return {
        (row.path, row.local_sha256)
        for row in answers_for(session, device_id)
        if row.resolution == Resolution.USE_LOCAL and row.local_sha256 is not None
    }


def _conflicts() -> Select[DeviceConflict, str, str]:
    return (
        select(DeviceConflict, Device.host_id, User.email)
        .join(Device, Device.id == DeviceConflict.device_id)
        .join(User, User.id == DeviceConflict.user_id, isouter=True)
    )
