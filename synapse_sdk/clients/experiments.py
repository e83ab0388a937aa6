"""The client of experiments for people: `/api/experiments`, `/api/devices`, `/api/notifications`.

Bodies and answers: `synapse_sdk.wire.experiments` and `synapse_sdk.wire.devices`. A worker's side is
`synapse_sdk.clients.devices`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import msgspec

from synapse_sdk.clients.base import Call
from synapse_sdk.clients.keyed import KeyedClient, path_part
from synapse_sdk.exceptions import AuthenticationError, AuthorizationError, ClientError, NotFoundError
from synapse_sdk.utils.retry import NO_RETRY

# The server sends a heartbeat more often than this; silence for longer means the connection is dead.
STREAM_SILENCE_SECONDS = 45.0
STREAM_ATTEMPTS = 5
RECONNECT_SECONDS = 0.5


class ExperimentClient(KeyedClient):
    """Experiments, devices and their questions. Made as `KeyedClient` says."""

    def submit(self, config: str, **options: Any) -> list[dict[str, Any]]:
        """Submit a config, YAML text; the experiments of its grid (`synapse_sdk.wire.experiments.ExperimentSubmit`).

        Raises:
            ValidationError: The config is wrong, or something that it needs is nowhere; file and line are named.
        """
        body = {"key": uuid4().hex, **options, "config": config}
        made: list[dict[str, Any]] = self._post("experiments", body)
        return made

    def list_experiments(self, **filters: Any) -> list[dict[str, Any]]:
        """Experiments, the newest first; by `status` (several with commas), `project`, `device`, `limit`, `before`."""
        found: list[dict[str, Any]] = self._get("experiments", filters)
        return found

    def get_experiment(self, uid: str) -> dict[str, Any]:
        """One experiment with its components and its manifest."""
        return self._get_object(f"experiments/{path_part(uid)}")

    def get_config(self, uid: str) -> dict[str, Any]:
        """What it was configured with."""
        return self._get_object(f"experiments/{path_part(uid)}/config")

    def get_metrics(self, uid: str, offset: int = 0) -> dict[str, Any]:
        """Rows of its metrics from an offset on, and the offset to ask from next."""
        return self._get_object(f"experiments/{path_part(uid)}/metrics", {"offset": offset})

    def compare(self, a: str, b: str) -> dict[str, Any]:
        """How two experiments differ."""
        return self._get_object("experiments/compare", {"a": a, "b": b})

    def cancel(self, uid: str) -> dict[str, Any]:
        """End an experiment; its worker is told with its next heartbeat."""
        return self._act(uid, "cancel")

    def pause(self, uid: str) -> dict[str, Any]:
        """Take an experiment out of the queue, or hold its run still."""
        return self._act(uid, "pause")

    def resume(self, uid: str) -> dict[str, Any]:
        """Let an experiment go on that is paused or held back."""
        return self._act(uid, "resume")

    def move_grid(self, uid: str, act: str) -> dict[str, int]:
        """`cancel`, `pause` or `resume` every run that was submitted with this one: `{moved, left}`."""
        found: dict[str, int] = self._post(f"experiments/{path_part(uid)}/grid", {"act": act})
        return found

    def reproduce(self, uid: str, **options: Any) -> dict[str, Any]:
        """Run again with exactly the recorded components, config and seed. Options: `device`, `priority`."""
        body = {"key": uuid4().hex, **options}
        made: dict[str, Any] = self._post(f"experiments/{path_part(uid)}/reproduce", body)
        return made

    def follow_log(self, uid: str, offset: int = 0, *, follow: bool = True) -> Iterator[dict[str, Any]]:
        """The log as it comes, `{offset, text}`, until the run has ended; a broken connection is taken up again.

        Args:
            uid: The experiment.
            offset: Bytes to leave out.
            follow: False ends with what there is now.

        Raises:
            ClientError: There is no such experiment, or the server stays out of reach.
        """
        failures = 0
        while True:
            before = offset
            try:
                for event in self._stream_log(uid, offset, follow=follow):
                    if event is None:
                        return
                    offset = event["offset"]
                    yield event
            except (AuthenticationError, AuthorizationError, NotFoundError):
                raise
            except ClientError:
                if failures + 1 >= STREAM_ATTEMPTS:
                    raise
            failures = 0 if offset > before else failures + 1
            time.sleep(RECONNECT_SECONDS * (failures + 1))

    def _stream_log(self, uid: str, offset: int, *, follow: bool) -> Iterator[dict[str, Any] | None]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", "Last-Event-ID": str(offset)}
        path = f"api/experiments/{path_part(uid)}/log"
        call = Call(
            "GET",
            path,
            params={"follow": follow},
            headers=headers,
            read_timeout_seconds=STREAM_SILENCE_SECONDS,
            retry=NO_RETRY,
        )
        with self.stream(call) as response:
            for message in httpx2.EventSource(response):
                if message.event == "end":
                    yield None
                    return
                if message.event == "log":
                    yield msgspec.json.decode(message.data)

    def enrol_device(self, host_id: str) -> dict[str, Any]:
        """Let a host join; its key is in this answer and nowhere else."""
        made: dict[str, Any] = self._post("devices", {"host_id": host_id})
        return made

    def list_devices(self) -> list[dict[str, Any]]:
        """The hosts that run experiments."""
        found: list[dict[str, Any]] = self._get("devices")
        return found

    def remove_device(self, host_id: str) -> None:
        """Take a host off the list; its key works no more from now on."""
        self.send(Call("DELETE", f"api/devices/{path_part(host_id)}"))

    def list_notifications(self, *, pending: bool = True) -> list[dict[str, Any]]:
        """Conflicts that wait for an answer, or all."""
        found: list[dict[str, Any]] = self._get("notifications", {"pending": pending})
        return found

    def answer_notification(self, notification_id: int, resolution: str) -> dict[str, Any]:
        """Decide a conflict: `use_server`, `use_local` or `skip`."""
        path = f"notifications/{int(notification_id)}/answer"
        made: dict[str, Any] = self._post(path, {"resolution": resolution})
        return made

    def _act(self, uid: str, verb: str) -> dict[str, Any]:
        made: dict[str, Any] = self._post(f"experiments/{path_part(uid)}/{verb}", {})
        return made

    def _get_object(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._get(path, params)
        return found

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self.send_json(Call("GET", f"api/{path}", params=params, is_long=True))["data"]

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        # Every write says what shall be, or carries a key: sending it twice does its work once.
        return self.send_json(Call("POST", f"api/{path}", json=dict(body), is_long=True, repeatable=True))["data"]
