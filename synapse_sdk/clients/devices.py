"""A worker's side of experiments: heartbeats, jobs, what runs print and measure, conflicts.

Bodies and answers: `synapse_sdk.wire.experiments` and `synapse_sdk.wire.devices`. Everything may be sent again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import httpx2

from synapse_sdk.clients.base import Call
from synapse_sdk.clients.keyed import KeyedClient, path_part
from synapse_sdk.clients.pages import parse_model
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.devices import ConflictReport, Heartbeat, HeartbeatAnswer, Notification
from synapse_sdk.wire.experiments import (
    Experiment,
    ExperimentJob,
    ExperimentManifest,
    Received,
    RunOutcome,
)


class DeviceClient(KeyedClient):
    """What a worker asks and tells. A `ConflictError` says that the run is not this worker's any more, or a gap.

    Args:
        base_url: Address of the server.
        token: The worker's key, from enrolling.
        host_id: Name of this host.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        host_id: str,
        *,
        timeout: Mapping[str, float] | float | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        super().__init__(base_url, token, timeout=timeout, retry=retry, transport=transport)
        self.host_id = host_id

    def heartbeat(self, report: Heartbeat) -> HeartbeatAnswer:
        """Tell how this host is and which jobs it holds; what shall be done about them."""
        answer = self._post("devices/heartbeat", report.model_dump(mode="json", exclude_none=True))
        return parse_model(HeartbeatAnswer, answer, "the answer to a heartbeat")

    def next_job(self, active: Sequence[str] = ()) -> ExperimentJob | None:
        """The next job for this host; None when there is none.

        Args:
            active: Every job that the worker has taken and not completed.
        """
        answer = self._post(f"devices/{path_part(self.host_id)}/jobs/next", {"active": list(active)})
        return None if answer is None else parse_model(ExperimentJob, answer, "a job")

    def start(self, uid: str, attempt: int, manifest: ExperimentManifest) -> Experiment:
        """The run begins with what the manifest says; it is running from here on.

        Raises:
            ConflictError: Another attempt, other components than the frozen ones, or another manifest before.
        """
        body = {"attempt": attempt, "manifest": manifest.model_dump(mode="json")}
        return self._tell(uid, "start", body)

    def send_log(self, uid: str, attempt: int, offset: int, data: bytes) -> Received:
        """Bytes of the run's log from `offset` on.

        Raises:
            ConflictError: The server has less than `offset`, or other bytes: `get_received` says what it has.
        """
        return self._send_delta(uid, "log", _delta(attempt, offset, data))

    def send_metrics(self, uid: str, attempt: int, offset: int, data: bytes) -> Received:
        """Bytes of the run's `metrics.jsonl` from `offset` on; as `send_log`."""
        return self._send_delta(uid, "metrics", _delta(attempt, offset, data))

    def get_received(self, uid: str) -> Received:
        """What the server has of a run."""
        answer = self.send_json(Call("GET", f"api/experiments/{path_part(uid)}/received"))["data"]
        return parse_model(Received, answer, "what the server has received")

    def complete(
        self, uid: str, attempt: int, status: RunOutcome, *, exit_code: int | None = None, message: str = ""
    ) -> Experiment:
        """The run has ended, or could not begin."""
        body = {"attempt": attempt, "status": status.value, "exit_code": exit_code, "message": message}
        return self._tell(uid, "complete", body)

    def report_conflict(self, conflict: ConflictReport) -> Notification:
        """Ask people about a conflict. It may have been decided before: then the answer says so."""
        answer = self._post("notifications", conflict.model_dump(mode="json"))
        return parse_model(Notification, answer, "a notification")

    def carry_out(self, notification_id: int, *, is_done: bool, message: str = "") -> Notification:
        """Tell that a decision was carried out, or why it could not be."""
        body = {"is_done": is_done, "message": message}
        answer = self._post(f"notifications/{int(notification_id)}/carried", body)
        return parse_model(Notification, answer, "a notification")

    def _tell(self, uid: str, verb: str, body: Mapping[str, Any]) -> Experiment:
        return parse_model(Experiment, self._post(f"experiments/{path_part(uid)}/{verb}", body), "an experiment")

    def _send_delta(self, uid: str, stream: Literal["log", "metrics"], body: Mapping[str, Any]) -> Received:
        answer = self._post(f"experiments/{path_part(uid)}/{stream}", body)
        return parse_model(Received, answer, "what the server has received")

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.send_json(Call("POST", f"api/{path}", json=dict(body), is_long=True, repeatable=True))["data"]


def _delta(attempt: int, offset: int, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    return {"attempt": attempt, "offset": offset, "sha256": digest, "data": base64.b64encode(data).decode()}
