"""Rows of an export as they come from the server, over a connection that may break as often as it likes.

Every line carries a token. A stream that breaks is taken up behind the last line that arrived whole: no row is lost,
and none comes twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Self

import httpx2
import msgspec

from synapse_sdk.clients.base import BaseClient, Call, decode_json
from synapse_sdk.exceptions import ClientConnectionError, ClientError, ClientTimeoutError, StreamError
from synapse_sdk.utils.network import is_loopback
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.bundle import ExportTarget

# All places for streams may be taken for a while.
TOO_MANY_REQUESTS = 429


class _Line(msgspec.Struct):
    token: str
    row: dict[str, Any] | None = None
    end: dict[str, Any] | None = None


class Exports:
    """Exports that need neither a job nor a bundle."""

    def __init__(self, client: BaseClient, path: str) -> None:
        self._client = client
        self.path = path

    def stream(
        self,
        *,
        target: ExportTarget | str,
        project: int | None = None,
        after: str | None = None,
        retry: RetryPolicy | None = None,
        **filters: Any,
    ) -> ExportRows:
        """All selected rows (`synapse_sdk.wire.bundle.ExportRow` as dicts), ascending by id, held one at a time.

        Rows come from one moment's state of the database, and after a broken connection from that moment's. A released
        version of ground truth never changes, so its stream is the same however often it breaks.

        Args:
            target: `task`, `assignment` or `ground_truth`.
            project: Needed for tasks and assignments.
            after: The `token` of an earlier stream of the same target and filters; goes on behind it.
            retry: How often a connection that gives nothing is tried again; the client's when None.
            filters: Filters of the target's list.

        Raises:
            ValidationError: The target, a filter or the token is not allowed.
            ClientError: While iterating: the rows may not be read, or the server stays out of reach.
        """
        params = {**filters, "target": ExportTarget(target).value, "project": project}
        return ExportRows(self._client, f"{self.path}stream/", params, after=after, retry=retry or self._client.retry)


class ExportRows(Iterator[dict[str, Any]]):
    """The rows of one stream.

    Attributes:
        token: Stands behind the last row that was handed out; None before the first.
    """

    def __init__(
        self, client: BaseClient, path: str, params: dict[str, Any], *, after: str | None, retry: RetryPolicy
    ) -> None:
        self.token = after
        self._client, self._path, self._params = client, path, params
        self._retry = retry
        self._rows = self._read()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._rows)

    def close(self) -> None:
        """Hang up; the server lets go of the export at once."""
        self._rows.close()

    def _read(self) -> Any:
        failures = 0
        while True:
            before = self.token
            try:
                for line in self._lines():
                    self.token = line.token
                    if line.row is None:
                        return
                    yield line.row
            except (ClientConnectionError, ClientTimeoutError, StreamError) as exc:
                failures = 0 if self.token != before else failures
                wait = self._retry.wait_after_error(failures, httpx2.ReadError(str(exc)), repeatable=True)
                if wait is None:
                    raise
                time.sleep(wait)
                failures += 1

    def _lines(self) -> Iterator[_Line]:
        """Lines of one connection, up to the one that says that it is the end."""
        call = self._call()
        with self._client.stream(call) as response:
            rest = b""
            for block in response.iter_bytes():
                # By line feeds alone: names may hold what text calls line ends too.
                *lines, rest = (rest + block).split(b"\n")
                for raw in lines:
                    line = _parse(raw, call.label)
                    yield line
                    if line.end is not None:
                        return
        raise StreamError(None, f"{call.label} ended before its last line. Try again; nothing is lost.")

    def _call(self) -> Call:
        # Nothing travels from this machine; else what the HTTP library reads: gzip, and zstd where it is there.
        headers = {"Accept-Encoding": "identity"} if is_loopback(self._client.base_url) else {}
        params = {**self._params, "after": self.token}
        retry = self._retry.with_options(statuses=self._retry.statuses | {TOO_MANY_REQUESTS})
        return Call("GET", self._path, params=params, headers=headers, is_long=True, retry=retry)


def _parse(raw: bytes, label: str) -> _Line:
    try:
        line = msgspec.convert(decode_json(raw, 200, label), _Line)
    except msgspec.ValidationError as exc:
        raise ClientError(200, f"{label}: a line of the stream is not readable ({exc}).") from exc
    if (line.row is None) == (line.end is None):
        raise ClientError(200, f"{label}: a line of the stream has neither a row nor an end.")
    return line
