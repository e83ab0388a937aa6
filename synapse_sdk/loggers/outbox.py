"""Sends a job's log entries, progress and metrics to its server, in batches and from a thread of its own.

A call from the job costs a line in a file, never a request. While the server is down the lines wait and the job goes
on; each carries its own number, so a batch whose answer was lost may be sent again.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
from pydantic import BaseModel

from synapse_sdk.exceptions import ClientError
from synapse_sdk.loggers.spool import Spool, default_spool_folder

SEND_EVERY_SECONDS = 0.5
MAX_RETRY_SECONDS = 10.0
FINISH_WAIT_SECONDS = 30.0
# The entry itself is at fault; sending it again cannot help. Any other failure may pass.
REFUSED_STATUSES = frozenset({400, 413, 422})


class LoggerBackend(Protocol):
    """Where a job's records go. A call that fails raises; it is made again later."""

    def update_job(self, job_id: str, data: dict[str, Any], /) -> Any:
        """Set `progress_record` or `metrics_record` of a job."""

    def create_logs(self, data: list[dict[str, Any]], /) -> Any:
        """Add log entries. An entry whose `uid` is known already is ignored."""


class Outbox:
    """What a job has recorded and its server has not taken yet.

    Args:
        backend: Takes the records.
        job_id: The job they belong to.
        folder: Where unsent entries are kept; `~/.synapse/spool` when None.
        send_every_seconds: How long records are gathered before they are sent.
        secrets: Texts that are taken out of everything, before it is kept or sent.
    """

    def __init__(
        self,
        backend: LoggerBackend,
        job_id: str,
        *,
        folder: Path | None = None,
        send_every_seconds: float = SEND_EVERY_SECONDS,
        secrets: Collection[str] = (),
    ) -> None:
        self._backend = backend
        self._job_id = job_id
        self._secrets = tuple(secrets)
        self._spool = Spool.create(folder or default_spool_folder(), job_id)
        self._state: dict[str, Callable[[], dict[str, Any]]] = {}
        self._interval = send_every_seconds
        self._failures = 0
        self._guard = threading.Lock()
        self._sending = threading.Lock()
        self._has_work = threading.Event()
        self._is_closing = threading.Event()
        self._thread: threading.Thread | None = None

    def add_log(self, entry: Mapping[str, Any]) -> None:
        """Queue a log entry."""
        try:
            self._spool.append(without_secrets(encode_entry(entry), self._secrets))
        except OSError as exc:  # A full disk must not stop the job; the console still shows what is lost.
            _warn(f"a log entry ({entry.get('event')}) is lost: {self._spool.path} cannot be written ({exc.strerror})")
        self._wake()

    def set_state(self, record: str, read: Callable[[], dict[str, Any]]) -> None:
        """Queue a record of the job itself; `read` is asked for its newest value when it is sent."""
        with self._guard:
            self._state[record] = read
        self._wake()

    def close(self, wait_seconds: float = FINISH_WAIT_SECONDS) -> Path | None:
        """Send what is left; give up after a while.

        Args:
            wait_seconds: How long a server that is down is waited for.

        Returns:
            The file that keeps the unsent entries, or None when all were sent.
        """
        self._is_closing.set()
        self._has_work.set()
        deadline = time.monotonic() + wait_seconds
        try:
            while not self._try_send() and time.monotonic() < deadline:
                time.sleep(min(self._retry_seconds(), max(0.0, deadline - time.monotonic())))
        finally:
            kept = self._keep_unsent()
        return kept

    def _wake(self) -> None:
        if not self._has_work.is_set():
            self._has_work.set()
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._guard:
            # The job's other threads log, too.
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="synapse-job-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._is_closing.is_set():
            self._has_work.wait()
            if self._is_closing.wait(self._retry_seconds()):
                return
            self._has_work.clear()
            if not self._try_send():
                self._has_work.set()

    def _retry_seconds(self) -> float:
        return min(self._interval * 2.0 ** min(self._failures, 10), max(MAX_RETRY_SECONDS, self._interval))

    def _try_send(self) -> bool:
        with self._sending:
            try:
                self._send_state()
                send_lines(self._spool, self._backend)
            except Exception as exc:  # noqa: BLE001 - edge of the job runner: no failure to log may stop a job.
                self._note_failure(exc)
                return False
        if self._failures:
            _warn(f"the server takes the log of job {self._job_id} again")
        self._failures = 0
        return True

    def _note_failure(self, exc: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            _warn(
                f"the server does not take the log of job {self._job_id} ({_reason(exc)}); the job goes on, "
                f"its log is kept in {self._spool.path} and sent when the server is back"
            )

    def _send_state(self) -> None:
        with self._guard:
            state, self._state = self._state, {}
        if not state:
            return
        try:
            self._backend.update_job(self._job_id, self._read_all(state))
        except BaseException as exc:
            if _is_refused(exc):
                _warn(f"the server refused {' and '.join(state)} of job {self._job_id} ({_reason(exc)})")
                return
            with self._guard:
                self._state = state | self._state  # What came meanwhile is newer.
            raise

    def _keep_unsent(self) -> Path | None:
        """Leave progress and metrics beside the entries that wait for `synapse plugin job send-logs`."""
        if self._state:
            try:
                self._spool.append(encode_entry({"job": self._job_id, "update": self._read_all(self._state)}))
            except OSError as exc:
                _warn(f"the last progress of job {self._job_id} is lost ({exc.strerror})")
        kept = None if self._spool.is_empty() else self._spool.path
        self._spool.close()
        if kept:
            _warn(f"the rest of the log is kept in {kept}; send it with: synapse plugin job send-logs")
        return kept

    def _read_all(self, state: Mapping[str, Callable[[], dict[str, Any]]]) -> dict[str, Any]:
        # Through the encoder, so that whatever an action put into its metrics becomes JSON.
        texts = {record: without_secrets(encode_entry(read()), self._secrets) for record, read in state.items()}
        return {record: msgspec.json.decode(text) for record, text in texts.items()}


def send_lines(spool: Spool, backend: LoggerBackend) -> int:
    """Send everything in a spool, oldest first.

    Returns:
        How many records were sent or set aside.

    Raises:
        Exception: What the backend raised; the records it did not take stay.
    """
    count = 0
    while lines := spool.peek():
        _send_batch(spool, backend, lines)
        spool.drop(lines)
        count += len(lines)
    return count


def _send_batch(spool: Spool, backend: LoggerBackend, lines: list[bytes]) -> None:
    try:
        entries = [msgspec.json.decode(line) for line in lines]
        for update in (entry for entry in entries if "update" in entry):
            backend.update_job(update["job"], update["update"])
        if logs := [entry for entry in entries if "update" not in entry]:
            backend.create_logs(logs)
    except (ClientError, msgspec.DecodeError) as exc:  # A torn line cannot be decoded.
        if isinstance(exc, ClientError) and not _is_refused(exc):
            raise
        if len(lines) > 1:
            middle = len(lines) // 2
            _send_batch(spool, backend, lines[:middle])
            _send_batch(spool, backend, lines[middle:])
            return
        refused = spool.path.with_suffix(".refused")
        with refused.open("ab") as file:
            file.write(lines[0])
        _warn(f"a log entry cannot be sent ({_reason(exc)}); it is kept in {refused}")


def send_leftovers(backend: LoggerBackend, folder: Path | None = None) -> Iterator[tuple[Path, int]]:
    """Send what runs that have ended could not send.

    Args:
        backend: Takes the records.
        folder: Where they are kept; `~/.synapse/spool` when None.

    Yields:
        Each file that was emptied, and how many records it held.

    Raises:
        Exception: What the backend raised; the records it did not take stay.
    """
    for spool in Spool.open_leftovers(folder or default_spool_folder()):
        try:
            yield spool.path, send_lines(spool, backend)
        finally:
            spool.close()


def without_secrets(content: bytes, secrets: Collection[str]) -> bytes:
    """Text or JSON in which each of the secrets is `***`; they are keys, in which JSON escapes nothing."""
    for secret in secrets:
        content = content.replace(secret.encode(), b"***")
    return content


def encode_entry(entry: Mapping[str, Any]) -> bytes:
    """One entry as a line of JSON. What JSON cannot hold becomes text: a log call must not fail for its payload."""
    try:
        return msgspec.json.encode(entry, enc_hook=_to_json)
    except (TypeError, ValueError, RecursionError):  # Odd keys, lone surrogates, cycles.
        pass
    try:
        return msgspec.json.encode(_plain(entry), enc_hook=_to_json)
    except RecursionError:
        return msgspec.json.encode(
            {key: value if isinstance(value, str) else ascii(value) for key, value in entry.items()}
        )


def _to_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    # Numbers and arrays of NumPy and Torch, neither of which the SDK imports.
    return value.tolist() if callable(getattr(value, "tolist", None)) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _is_refused(exc: BaseException) -> bool:
    return isinstance(exc, ClientError) and exc.status_code in REFUSED_STATUSES


def _reason(exc: BaseException) -> str:
    # The type and the status only: an error's text may carry an address with a token in it.
    status = getattr(exc, "status_code", None)
    return f"{type(exc).__name__}, status {status}" if status else type(exc).__name__


def _warn(message: str) -> None:
    sys.stderr.write(f"[warning] {message}\n")
