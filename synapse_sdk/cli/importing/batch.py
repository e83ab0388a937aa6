"""One batch of items on its way to the server: hash, announce, send what is new, confirm, import.

Everything may be repeated. A file is known by its SHA-256, an item by its key: what was interrupted is simply done
again, and what was done answers "exists".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synapse_sdk.cli.failures import message_of
from synapse_sdk.cli.importing.target import ImportTarget
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.clients.uploads import LocalFile, describe_file, put_file
from synapse_sdk.exceptions import HTTPError, ValidationError
from synapse_sdk.utils.converters import BadFile, SourceItem
from synapse_sdk.wire.files import ArrivalState, UploadTicket
from synapse_sdk.wire.imports import ImportState

KEY_DIGITS = 16
# What the server answers when an item is at fault, or the items together are too large for one request.
_REFUSED_ITEMS = {400, 413, 422}


@dataclass(frozen=True)
class HashedItem:
    """An item whose image has been read: it has a key now."""

    source: SourceItem
    file: LocalFile

    @property
    def key(self) -> str:
        return f"{self.source.key}@{self.file.sha256[:KEY_DIGITS]}"


@dataclass
class BatchResult:
    """What became of the items of one batch."""

    created: int = 0
    exists: int = 0
    different: list[str] = field(default_factory=list)
    bad: list[BadFile] = field(default_factory=list)
    uploaded_files: int = 0
    uploaded_bytes: int = 0


class BatchSender:
    """Sends batches into one project.

    Args:
        client: The server.
        target: The project that the items go into.
        workers: Files that are read or sent at the same time.
        may_add_classes: Whether class names that the project does not have get the next ids, or are refused.
        is_images_only: Whether annotations are left out, so that nobody has annotated what comes.
    """

    def __init__(
        self,
        client: BackendV2Client,
        target: ImportTarget,
        *,
        workers: int,
        may_add_classes: bool = True,
        is_images_only: bool = False,
    ) -> None:
        self._client = client
        self._is_images_only = is_images_only
        self._target = target
        self._may_add_classes = may_add_classes
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="synapse-import")

    def close(self) -> None:
        """Give the threads back; what waits in line is dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def send(self, items: Sequence[SourceItem]) -> BatchResult:
        """Bring one batch (at most 200 items) to the server.

        Raises:
            ClientError: The server cannot be reached or failed. Sending the batch again is safe.
        """
        result = BatchResult()
        hashed = self._hash(items, result)
        ids = self._upload(hashed, result)
        self._import([item for item in hashed if item.file.sha256 in ids], ids, result)
        return result

    def _hash(self, items: Sequence[SourceItem], result: BatchResult) -> list[HashedItem]:
        hashed = []
        futures = []
        for item in items:
            if _is_text(item.key + item.name):
                futures.append((item, self._pool.submit(describe_file, item.image_path or "", item.name)))
            else:
                result.bad.append(_bad(item, "The name is not UTF-8. Rename the file.", "bad_name"))
        for item, future in futures:
            try:
                hashed.append(HashedItem(item, future.result()))
            except OSError as exc:
                result.bad.append(_bad(item, f"The image cannot be read: {exc.strerror or exc}.", "unreadable"))
        return hashed

    def _upload(self, items: Sequence[HashedItem], result: BatchResult) -> dict[str, int]:
        """Ids of the files that the server has, by SHA-256."""
        files = {item.file.sha256: item.file for item in items}
        if not files:
            return {}
        tickets = self._client.data_files.presigned_upload([file.announcement() for file in files.values()])
        answers = dict(zip(files, tickets, strict=True))
        pending = {sha256: ticket for sha256, ticket in answers.items() if ticket.upload_url}
        problems = self._put(files, pending)
        sent = [sha256 for sha256 in pending if sha256 not in problems]
        for sha256 in self._unconfirmed(sent, answers):
            problems[sha256] = "The server does not have the file although it was sent."
        arrived = [files[sha256] for sha256 in sent if sha256 not in problems]
        result.uploaded_files += len(arrived)
        result.uploaded_bytes += sum(file.size_bytes for file in arrived)
        result.bad += [
            _bad(item.source, problems[item.file.sha256], "upload_refused")
            for item in items
            if item.file.sha256 in problems
        ]
        return {sha256: ticket.data_file_id for sha256, ticket in answers.items() if sha256 not in problems}

    def _put(self, files: dict[str, LocalFile], tickets: dict[str, UploadTicket]) -> dict[str, str]:
        """Send the files; what the server or the disk refuses comes back as words by SHA-256."""
        futures = {
            sha256: self._pool.submit(put_file, self._client, ticket.upload_url or "", files[sha256])
            for sha256, ticket in tickets.items()
        }
        problems = {}
        for sha256, future in futures.items():
            try:
                future.result()
            except ValidationError as exc:
                problems[sha256] = f"The server refused the file: {message_of(exc)}"
            except OSError as exc:
                problems[sha256] = f"The image cannot be read: {exc.strerror or exc}."
        return problems

    def _unconfirmed(self, sent: Sequence[str], tickets: dict[str, UploadTicket]) -> list[str]:
        if not sent:
            return []
        arrivals = self._client.data_files.confirm_upload([tickets[sha256].data_file_id for sha256 in sent])
        missing = {arrival.data_file_id for arrival in arrivals if arrival.status != ArrivalState.CONFIRMED}
        return [sha256 for sha256 in sent if tickets[sha256].data_file_id in missing]

    def _import(self, items: Sequence[HashedItem], ids: dict[str, int], result: BatchResult) -> None:
        """Import all at once; when the server refuses, halve until the item that it does not accept stands alone."""
        if not items:
            return
        bodies = [_body(item, ids[item.file.sha256], self._target.specification) for item in items]
        if self._is_images_only:
            bodies = [{**body, "data": None, "status_label": "pending"} for body in bodies]
        try:
            outcomes = self._client.projects.import_items(
                self._target.project_id, bodies, create_classes=self._may_add_classes
            )
        except (HTTPError, UnicodeEncodeError) as exc:
            if isinstance(exc, HTTPError) and exc.status_code not in _REFUSED_ITEMS:
                raise
            if len(items) == 1:
                result.bad.append(_bad(items[0].source, _reason(exc), "refused"))
                return
            middle = len(items) // 2
            self._import(items[:middle], ids, result)
            self._import(items[middle:], ids, result)
            return
        states = (outcome.status for outcome in outcomes)
        if self._is_images_only:
            # What an image has been given since is no other content of it.
            states = (ImportState.EXISTS if state == ImportState.DIFFERS else state for state in states)
        _count(states, items, result)


def _count(states: Iterable[ImportState], items: Sequence[HashedItem], result: BatchResult) -> None:
    for item, state in zip(items, states, strict=True):
        if state == ImportState.CREATED:
            result.created += 1
        elif state == ImportState.EXISTS:
            result.exists += 1
        else:
            result.different.append(item.key)


def _body(item: HashedItem, data_file_id: int, specification: str) -> dict[str, Any]:
    source = item.source
    return {
        "key": item.key,
        "name": source.name,
        "width": source.width,
        "height": source.height,
        "files": {specification: {"data_file_id": data_file_id, "file_name": source.name}},
        "data": source.data,
        # The split becomes a tag: an export by tag gives it back.
        "tags": list(dict.fromkeys([*source.tags, *([source.split] if source.split else [])])),
        "status_label": "completed",
    }


def _reason(exc: Exception) -> str:
    """Why the server refused an item, without the words about the batch that it came in."""
    fields = (exc.error.get("details") if isinstance(exc, HTTPError) else None) or []
    reasons = [f"{str(each.get('field')).removeprefix('items.0.')}: {each.get('message')}" for each in fields]
    return "; ".join(reasons) or message_of(exc)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad(item: SourceItem, message: str, code: str) -> BadFile:
    return BadFile(item.image_path or Path(item.name), None, message, code)
