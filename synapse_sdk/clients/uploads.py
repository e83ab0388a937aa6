"""Files going in: announce checksums, send only what the server does not have, confirm.

Each step may be repeated: the server knows a file by its SHA-256, a PUT writes the same bytes, a confirmation checks
again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import M, parse_item, parse_model
from synapse_sdk.exceptions import ClientError
from synapse_sdk.wire.files import (
    MAX_FILES_PER_REQUEST,
    ArrivalState,
    FileAnnouncement,
    UploadArrival,
    UploadState,
    UploadTicket,
)

CHUNK_BYTES = 2**18
DEFAULT_UPLOAD_WORKERS = 8

PRESIGNED_UPLOAD_PATH = "v2/data-files/presigned-upload/"
CONFIRM_UPLOAD_PATH = "v2/data-files/confirm-upload/"


@dataclass(frozen=True)
class LocalFile:
    """A file to be uploaded, by name and content."""

    path: Path
    file_name: str
    sha256: str
    size_bytes: int

    def announcement(self) -> FileAnnouncement:
        """How `presigned-upload` is told about it."""
        return FileAnnouncement(file_name=self.file_name, sha256=self.sha256, size_bytes=self.size_bytes)


@dataclass(frozen=True)
class UploadedFile:
    """A file that the server has.

    Attributes:
        was_known: The server had these bytes already; nothing was sent.
    """

    data_file_id: int
    file: LocalFile
    was_known: bool


def describe_file(path: str | Path, file_name: str | None = None) -> LocalFile:
    """Hash a file, reading it once in chunks.

    Raises:
        OSError: It cannot be read.
    """
    path = Path(path)
    digest, size = hashlib.sha256(), 0
    for chunk in _read_chunks(path):
        digest.update(chunk)
        size += len(chunk)
    return LocalFile(path, file_name or path.name, digest.hexdigest(), size)


def upload_files(
    client: BaseClient,
    files: Sequence[LocalFile],
    *,
    storage: int | None = None,
    max_workers: int = DEFAULT_UPLOAD_WORKERS,
) -> list[UploadedFile]:
    """Bring files to the server and return them in the order given; equal contents are sent once.

    Raises:
        ClientError: The server refused one, or could not be reached.
        OSError: A file cannot be read.
    """
    uploaded: list[UploadedFile] = []
    pending = iter(files)
    with ThreadPoolExecutor(max_workers) as pool:
        while batch := list(islice(pending, MAX_FILES_PER_REQUEST)):
            uploaded += _upload_batch(client, pool, batch, storage)
    return uploaded


def announce_files(
    client: BaseClient, files: Sequence[FileAnnouncement], storage: int | None = None
) -> list[UploadTicket]:
    """What the server knows already, and where to send the rest; at most 200 files."""
    body: dict[str, Any] = {"files": [file.model_dump() for file in files]}
    if storage is not None:
        body["storage"] = storage
    # Repeatable: the server finds the rows that it made for the same checksums.
    return _post(client, PRESIGNED_UPLOAD_PATH, body, UploadTicket)


def confirm_files(client: BaseClient, ids: Sequence[int]) -> list[UploadArrival]:
    """Let the server check which files have arrived; at most 200."""
    return _post(client, CONFIRM_UPLOAD_PATH, {"ids": list(ids)}, UploadArrival)


def put_file(client: BaseClient, upload_url: str, file: LocalFile) -> None:
    """Stream a file to a signed URL; a broken attempt starts again."""
    client.send(
        Call(
            "PUT",
            upload_url,
            content=lambda: _read_chunks(file.path),
            headers={"Content-Length": str(file.size_bytes), "Content-Type": "application/octet-stream"},
            is_long=True,
            is_signed=True,
        )
    )


def _upload_batch(
    client: BaseClient, pool: ThreadPoolExecutor, batch: Sequence[LocalFile], storage: int | None
) -> list[UploadedFile]:
    by_checksum = {file.sha256: file for file in batch}
    tickets = announce_files(client, [file.announcement() for file in by_checksum.values()], storage)
    if len(tickets) != len(by_checksum):
        raise ClientError(None, f"The server answered for {len(tickets)} of {len(by_checksum)} files. Try again.")
    ticket_of = dict(zip(by_checksum, tickets, strict=True))
    missing = {checksum: ticket for checksum, ticket in ticket_of.items() if ticket.status is UploadState.UPLOAD}
    sends = [
        pool.submit(put_file, client, ticket.upload_url or "", by_checksum[sha]) for sha, ticket in missing.items()
    ]
    for send in sends:
        send.result()
    if missing:
        _confirm_all(client, {ticket.data_file_id: by_checksum[sha].file_name for sha, ticket in missing.items()})
    return [UploadedFile(ticket_of[file.sha256].data_file_id, file, file.sha256 not in missing) for file in batch]


def _confirm_all(client: BaseClient, names: dict[int, str]) -> None:
    arrivals = confirm_files(client, list(names))
    lost = [names[arrival.data_file_id] for arrival in arrivals if arrival.status is not ArrivalState.CONFIRMED]
    if lost:
        raise ClientError(None, f"The server has not received {', '.join(lost[:5])}. Upload again.")


def _post(client: BaseClient, path: str, body: dict[str, Any], model: type[M]) -> list[M]:
    call = Call("POST", path, json=body, repeatable=True, is_long=True)
    return [parse_model(model, answer, call.label) for answer in parse_item(client.send_json(call), call.label)]


def _read_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
