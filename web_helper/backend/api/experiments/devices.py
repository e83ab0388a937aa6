"""Devices: joining, heartbeats, the next job."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from synapse_sdk.wire.components import ComponentEnvelope
from synapse_sdk.wire.devices import Device, DeviceEnrol, DeviceEnrolled, Heartbeat, HeartbeatAnswer, HostId, JobRequest
from synapse_sdk.wire.experiments import ExperimentJob
from web_helper.backend.api.context import Reading, SharedWriting, Writing
from web_helper.backend.api.experiments.answers import answer, create_api_router
from web_helper.backend.services.experiments import devices, queue, reading

router = create_api_router("devices")


@router.post("", operation_id="devices_enrol", status_code=HTTPStatus.CREATED)
def enrol(call: Writing, body: DeviceEnrol) -> ComponentEnvelope[DeviceEnrolled]:
    """Let a host join; its key is in this answer and nowhere else."""
    return answer(DeviceEnrolled(host_id=body.host_id, token=devices.enrol(call, body.host_id)))


@router.get("", operation_id="devices_list")
def list_devices(call: Reading) -> ComponentEnvelope[list[Device]]:
    """The hosts that run experiments, and what they told last."""
    return answer(devices.list_devices(call))


@router.delete("/{host_id}", operation_id="devices_remove", status_code=HTTPStatus.NO_CONTENT)
def remove(call: Writing, host_id: HostId) -> Response:
    """Take a host off the list; its key works no more from now on."""
    devices.remove(call, host_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/heartbeat", operation_id="devices_heartbeat")
def heartbeat(call: SharedWriting, body: Heartbeat) -> ComponentEnvelope[HeartbeatAnswer]:
    """The host lives; what it shall end, hold still, and decide."""
    device = devices.device_of(call, body.host_id, is_locked=True)
    return answer(queue.note_heartbeat(call.session, device, body))


@router.post("/{host_id}/jobs/next", operation_id="devices_next_job")
def next_job(call: SharedWriting, host_id: HostId, body: JobRequest) -> ComponentEnvelope[ExperimentJob | None]:
    """The next job for this host, which holds it from now on; none where nothing waits for it."""
    device = devices.device_of(call, host_id, is_locked=True)
    found = queue.claim_next(call.session, device, body.active)
    return answer(None if found is None else reading.show_job(call, found.uid))
