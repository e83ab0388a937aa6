"""A run from its worker's side, by the worker's key: begin, print, measure, end."""

from __future__ import annotations

from synapse_sdk.wire.components import ComponentEnvelope
from synapse_sdk.wire.experiments import Experiment, Received, RunComplete, RunStart, StreamDelta
from web_helper.backend.api.context import SharedReading, SharedWriting
from web_helper.backend.api.experiments.answers import Uid, answer, create_api_router
from web_helper.backend.services.experiments import reading, running, streams
from web_helper.backend.services.experiments.devices import device_of
from web_helper.backend.services.experiments.streams import Stream

router = create_api_router("experiments")


@router.post("/{uid}/start", operation_id="experiments_start")
def start(call: SharedWriting, uid: Uid, body: RunStart) -> ComponentEnvelope[Experiment]:
    """The run begins with what its manifest says; the manifest never changes (409)."""
    running.start(call, device_of(call), uid, body)
    return answer(reading.show(call, uid))


@router.post("/{uid}/log", operation_id="experiments_log_append")
def append_log(call: SharedWriting, uid: Uid, body: StreamDelta) -> ComponentEnvelope[Received]:
    """Bytes of the log. The same again is taken once; a gap, or other bytes, are refused (409)."""
    return answer(streams.append(call, device_of(call), uid, Stream.LOG, body=body))


@router.post("/{uid}/metrics", operation_id="experiments_metrics_append")
def append_metrics(call: SharedWriting, uid: Uid, body: StreamDelta) -> ComponentEnvelope[Received]:
    """Bytes of the metrics, lines of JSON; as the log."""
    return answer(streams.append(call, device_of(call), uid, Stream.METRICS, body=body))


@router.get("/{uid}/received", operation_id="experiments_received")
def read_received(call: SharedReading, uid: Uid) -> ComponentEnvelope[Received]:
    """What the server has of the run's files."""
    return answer(streams.received(reading.find_experiment(call, uid)))


@router.post("/{uid}/complete", operation_id="experiments_complete")
def complete(call: SharedWriting, uid: Uid, body: RunComplete) -> ComponentEnvelope[Experiment]:
    """The run has ended, or could not begin."""
    running.complete(call, device_of(call), uid, body)
    return answer(reading.show(call, uid))
