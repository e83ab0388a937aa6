"""Files: announcing them, taking their bytes in, confirming that they are there, and giving them out.

A content lies once in a storage, under its SHA-256. Whoever announces a content's SHA-256 and size may put it into
data units: they have it already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from synapse_sdk.wire.errors import FieldError
from synapse_sdk.wire.files import ArrivalState, FileAnnouncement, UploadArrival, UploadState, UploadTicket
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, TooLargeProblem, ValidationProblem
from web_helper.backend.core.signing import ObjectGrant, Operation, UrlSigner
from web_helper.backend.models import DataFile, FileStatus, Storage
from web_helper.backend.queries.data import files as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.data.objects import (
    BLOCK_BYTES,
    Announced,
    facts_of,
    is_local,
    object_at,
    open_part,
    path_of_content,
)
from web_helper.backend.services.data.storages import open_root, storage_for


def announce_files(call: Call, files: Sequence[FileAnnouncement], storage_id: int | None) -> list[UploadTicket]:
    """For each file, whether its bytes are needed and where to send them."""
    storage = storage_for(call, storage_id)
    known = _find_or_insert(call, storage, files)
    _refuse_other_sizes(files, known)
    _confirm_arrived(call, storage, list(known.values()))
    queries.claim_files(call.session, call.actor.user_id, (row.id for row in known.values()))
    return [_ticket(call.signer, storage.id, known[file.sha256], file) for file in files]


def confirm_uploads(call: Call, file_ids: Sequence[int]) -> list[UploadArrival]:
    """For each file, whether its bytes are there; a file that was lost may be uploaded again."""
    files = queries.visible_files(call.session, file_ids, call.actor.viewer_id)
    for file_id in file_ids:
        if file_id not in files:
            raise NotFoundProblem.of("data file", file_id)
    storages = {file.storage_id for file in files.values()}
    arrived: set[int] = set()
    for storage_id in sorted(storages):
        members = [file for file in files.values() if file.storage_id == storage_id]
        arrived |= _check_arrivals(storage_for(call, storage_id), members)
    return [
        UploadArrival(
            data_file_id=file_id, status=ArrivalState.CONFIRMED if file_id in arrived else ArrivalState.MISSING
        )
        for file_id in file_ids
    ]


def place_bytes(root: Path, source: BinaryIO, max_bytes: int) -> Announced:
    """Put bytes that came with a request under their SHA-256; no transaction is open meanwhile."""
    announced = _describe(source, max_bytes)
    source.seek(0)
    part = open_part(root, path_of_content(announced.sha256), announced)
    try:
        while block := source.read(BLOCK_BYTES):
            part.write(block)
        part.finish()
    finally:
        part.discard()
    return announced


def record_file(call: Call, storage: Storage, content: Announced) -> DataFile:
    """The row of bytes that were placed; confirmed."""
    announcement = FileAnnouncement(file_name="upload", sha256=content.sha256, size_bytes=content.size_bytes)
    row = _find_or_insert(call, storage, [announcement])[content.sha256]
    queries.claim_files(call.session, call.actor.user_id, [row.id])
    _check_arrivals(storage, [row])
    call.session.flush()
    return row


def complete_file(call: Call, file_id: int) -> DataFile:
    """A file that the caller may see and whose bytes are there."""
    row = queries.visible_files(call.session, [file_id], call.actor.viewer_id).get(file_id)
    if row is None:
        raise NotFoundProblem.of("data file", file_id)
    if row.status != FileStatus.CONFIRMED:
        raise ConflictProblem(f"Data file {file_id} has not arrived; upload it, then confirm it.")
    return row


def object_of(call: Call, file: DataFile) -> Path:
    """Where a file's bytes lie."""
    return object_at(open_root(storage_for(call, file.storage_id)), file.path)


def file_url(call: Call, file: DataFile, file_name: str | None = None) -> str:
    """A signed link to a file's bytes."""
    return call.signer.sign_object(ObjectGrant(file.storage_id, file.path, Operation.GET, file_name=file_name)).url


def find_checksums(call: Call, checksums: Sequence[str]) -> dict[str, int]:
    """Ids of complete files that the caller may see, by SHA-256."""
    return queries.confirmed_hashes(call.session, checksums, call.actor.viewer_id)


def _find_or_insert(call: Call, storage: Storage, files: Sequence[FileAnnouncement]) -> dict[str, DataFile]:
    limit = call.settings.max_upload_bytes
    for index, file in enumerate(files):
        if file.size_bytes > limit:
            message = f"{file.size_bytes} bytes are more than this server takes ({limit})."
            raise TooLargeProblem(message, [FieldError(field=f"files.{index}.size_bytes", message=message)])
    hashes = [file.sha256 for file in files]
    known = queries.files_by_hash(call.session, storage.id, hashes)
    rows = {file.sha256: _new_row(storage.id, file) for file in files if file.sha256 not in known}
    if rows:
        queries.insert_files(call.session, list(rows.values()))
        known = queries.files_by_hash(call.session, storage.id, hashes)
    return known


def _new_row(storage_id: int, file: FileAnnouncement) -> dict[str, Any]:
    return {
        "storage_id": storage_id,
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "path": path_of_content(file.sha256),
    }


def _refuse_other_sizes(files: Sequence[FileAnnouncement], known: Mapping[str, DataFile]) -> None:
    problems = []
    for index, file in enumerate(files):
        row = known[file.sha256]
        if row.size_bytes == file.size_bytes:
            continue
        if row.status == FileStatus.CONFIRMED:
            message = "is not the size of the content with this SHA-256; hash the file again."
            problems.append(FieldError(field=f"files.{index}.size_bytes", message=message))
        else:
            # Nothing has arrived yet, so an earlier announcement may have been wrong.
            row.size_bytes = file.size_bytes
    if problems:
        raise ValidationProblem(f"{problems[0].field} {problems[0].message}", problems)


def _ticket(signer: UrlSigner, storage_id: int, row: DataFile, file: FileAnnouncement) -> UploadTicket:
    if row.status == FileStatus.CONFIRMED:
        return UploadTicket(data_file_id=row.id, status=UploadState.EXISTS)
    grant = ObjectGrant(storage_id, row.path, Operation.PUT, sha256=file.sha256, size_bytes=file.size_bytes)
    link = signer.sign_object(grant)
    return UploadTicket(data_file_id=row.id, status=UploadState.UPLOAD, upload_url=link.url, expires_at=link.expires_at)


def _confirm_arrived(call: Call, storage: Storage, rows: Sequence[DataFile]) -> None:
    """An upload that was sent but never confirmed, because the sender died, need not be sent again."""
    pending = [row for row in rows if row.status != FileStatus.CONFIRMED]
    if pending:
        _check_arrivals(storage, pending)
    call.session.flush()


def _check_arrivals(storage: Storage, rows: Sequence[DataFile]) -> set[int]:
    """Compare rows with the bytes in the storage; ids of those that are complete."""
    root = open_root(storage)
    # In a store there is no folder before the first file.
    if is_local(root) and not root.exists():
        raise ConflictProblem(f"Storage {storage.id} is not there at the moment; try again later.")
    arrived = set()
    for row in rows:
        facts = facts_of(object_at(root, row.path))
        if facts is None or (row.status == FileStatus.CONFIRMED and facts.size_bytes != row.size_bytes):
            row.status = FileStatus.PENDING
            continue
        # An object appears only when its bytes have the SHA-256 of its path: its size is the true one.
        row.size_bytes, row.status = facts.size_bytes, FileStatus.CONFIRMED
        arrived.add(row.id)
    return arrived


def _describe(source: BinaryIO, limit: int) -> Announced:
    digest, size = hashlib.sha256(), 0
    while block := source.read(BLOCK_BYTES):
        digest.update(block)
        size += len(block)
        if size > limit:
            raise TooLargeProblem(f"The file has more bytes than this server takes ({limit}).")
    return Announced(digest.hexdigest(), size)
