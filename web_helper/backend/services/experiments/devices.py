"""Devices: joining, and who they are."""

from __future__ import annotations

from synapse_sdk.wire.devices import Device as DeviceView
from synapse_sdk.wire.devices import DeviceReport
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem
from web_helper.backend.models import Device
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import devices as queries
from web_helper.backend.queries.experiments.queue import active_uids
from web_helper.backend.services.authentication import add_token
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.queue import classify
from web_helper.backend.services.experiments.submitting import require_submitter

REMOVED = "The device was removed."


def enrol(call: Call, host_id: str) -> str:
    """Let a host join; its key is shown this once. The same host again gets a new key, the former works no more.

    Raises:
        ConflictProblem: Somebody else's host has this name.
    """
    require_submitter(call)
    device = queries.device_of_host(call.session, host_id)
    if device is None:
        device = Device(host_id=host_id, user_id=call.actor.user_id, report={})
        call.session.add(device)
        call.session.flush()
    elif not _is_of(call, device):
        raise ConflictProblem(
            f"There is a device {host_id!r} already, and somebody else let it join; use another name."
        )
    queries.delete_keys(call.session, device.id)
    token, key = add_token(call.session, call.actor.user_id, f"worker {host_id}", [])
    token.device_id = device.id
    call.session.flush()
    return key


def remove(call: Call, host_id: str) -> None:
    """Take a host off the list: its key works no more at once. What it ran keeps its name, and it may join again.

    Raises:
        NotFoundProblem: No such host has joined.
        PermissionProblem: Somebody else let it join.
    """
    require_submitter(call)
    device = queries.device_of_host(call.session, host_id)
    if device is None:
        raise NotFoundProblem.of("device", host_id)
    if not _is_of(call, device):
        raise PermissionProblem(f"Somebody else let {host_id!r} join; ask them, or an administrator.")
    queries.delete_keys(call.session, device.id)
    queries.close_questions(call.session, device.id, REMOVED)


def _is_of(call: Call, device: Device) -> bool:
    return call.actor.is_admin or device.user_id == call.actor.user_id


def device_of(call: Call, host_id: str | None = None, *, is_locked: bool = False) -> Device:
    """The device that asks.

    Raises:
        PermissionProblem: The key is no worker's, or of another host.
    """
    if call.actor.device_id is None:
        raise PermissionProblem("Only a worker may do this, with the key that it got when it joined.")
    device = call.session.get_one(Device, call.actor.device_id, with_for_update=is_locked or None)
    if host_id is not None and device.host_id != host_id:
        raise PermissionProblem(f"This key is of the device {device.host_id!r}, not of {host_id!r}.")
    return device


def list_devices(call: Call) -> list[DeviceView]:
    """Every device that has joined, and what it told last; a removed one as long as it may still have runs."""
    now, active, keyed = utc_now(), active_uids(call.session), queries.keyed_devices(call.session)
    return [
        DeviceView(
            host_id=row.host_id,
            # One whose key was revoked is not heard, whenever it was heard last.
            status=classify(row.last_seen_at if keyed.get(row.id) else None, now),
            last_seen_at=row.last_seen_at,
            report=DeviceReport.model_validate(row.report) if row.report else None,
            active_jobs=active.get(row.id, []),
            created_at=row.created,
        )
        for row in queries.all_devices(call.session)
        if row.id in keyed or row.id in active
    ]
