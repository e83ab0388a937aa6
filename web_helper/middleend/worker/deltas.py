"""What a run prints and measures, on its way to the server: the bytes of two files, from where the server stands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.exceptions import ConflictError
from synapse_sdk.wire.experiments import MAX_DELTA_BYTES, MAX_STREAM_BYTES, Received

Send = Callable[[str, int, int, bytes], Received]


class RunDeltas:
    """Sends what has been added to a run's files. Nothing is remembered here: the server says what it has.

    Args:
        client: Of this worker.
        uid: The experiment.
        attempt: Goes with everything.
        log: File of what is printed.
        metrics: File of what is measured.
    """

    def __init__(self, client: DeviceClient, uid: str, attempt: int, *, log: Path, metrics: Path) -> None:
        self._client, self._uid, self._attempt = client, uid, attempt
        self._streams: dict[str, tuple[Path, Send]] = {
            "log": (log, client.send_log),
            "metrics": (metrics, client.send_metrics),
        }
        self._offsets: dict[str, int] | None = None
        self._refused: set[str] = set()

    def send(self) -> bool:
        """Send one part of each file; whether there was something to send.

        Raises:
            ConflictError: The run is not this worker's any more.
            ClientError: The server could not be reached; the next call asks what it has.
        """
        if self._offsets is None:
            self._offsets = self._ask()
        # Asked again after whatever goes wrong, also when an answer was lost.
        offsets, self._offsets = self._offsets, None
        parts = [self._send_part(name, offsets) for name in self._streams if name not in self._refused]
        self._offsets = offsets
        return any(parts)

    def _send_part(self, name: str, offsets: dict[str, int]) -> bool:
        path, send = self._streams[name]
        data = read_part(path, offsets[name])
        if not data:
            return False
        try:
            offsets[name] = getattr(send(self._uid, self._attempt, offsets[name], data), name)
        except ConflictError:
            known = self._ask()
            if known[name] == offsets[name]:
                # The run has changed what it had written before. What the server has stays; the run goes on.
                self._refused.add(name)
            offsets.update(known)
        return True

    def _ask(self) -> dict[str, int]:
        received = self._client.get_received(self._uid)
        if received.attempt != self._attempt:
            raise ConflictError(409, f"attempt {self._attempt} of {self._uid} is over")
        return {"log": received.log, "metrics": received.metrics}


def read_part(path: Path, offset: int) -> bytes:
    """The next bytes of a file that are sent at once; none where the server would take no more."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(max(0, min(MAX_DELTA_BYTES, MAX_STREAM_BYTES - offset)))
    except FileNotFoundError:
        return b""
