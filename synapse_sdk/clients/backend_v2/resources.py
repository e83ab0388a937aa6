"""The v2 resources that can do more than list, retrieve, create, update and delete."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from synapse_sdk.clients.backend_v2 import models
from synapse_sdk.clients.backend_v2.paginator import PageOptions
from synapse_sdk.clients.backend_v2.resource import Resource
from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.clients.pages import parse_item, parse_model
from synapse_sdk.clients.uploads import (
    DEFAULT_UPLOAD_WORKERS,
    UploadedFile,
    announce_files,
    confirm_files,
    describe_file,
    upload_files,
)
from synapse_sdk.utils.file.download import download_file
from synapse_sdk.wire.files import FileAnnouncement, UploadArrival, UploadTicket
from synapse_sdk.wire.imports import ImportItem, ImportOutcome
from synapse_sdk.wire.work import ReviewStatus, SetTagsRequest, TagAction, TagsSet

T = TypeVar("T")


class Users(Resource[models.UserItem]):
    """People."""

    def me(self) -> models.UserItem:
        """Whom the token acts for.

        Raises:
            AuthenticationError: The token is unknown, expired or revoked.
        """
        return self._call_for_item(Call("GET", f"{self.path}me/"))


class BulkFetchResource(Resource[T]):
    """Rows of tasks or assignments, annotations and files included, by id."""

    def bulk_fetch(
        self,
        ids: Sequence[int],
        *,
        response_mode: str = "inline",
        page_retries: int | None = None,
        page_retry_backoff: float | None = None,
        retry_on_status: Collection[int] | None = None,
        read_timeout_seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """Up to 200 rows (`synapse_sdk.wire.bundle.ExportRow` as dicts), ascending by id.

        Args:
            ids: Ids of the rows; those that the token may not see are left out.
            response_mode: `inline`, or `presigned` for a URL in place of large annotation data.
            page_retries: Repetitions; None is the client's own policy.
            page_retry_backoff: Seconds before the first repetition, doubling.
            retry_on_status: Statuses to repeat on, in place of 502, 503 and 504.
            read_timeout_seconds: Longest silence of the server within the answer.

        Raises:
            ClientError: The call failed.
        """
        options = PageOptions(
            page_retries,
            page_retry_backoff,
            retry_on_status=retry_on_status,
            read_timeout_seconds=read_timeout_seconds,
        )
        return self._fetch_rows("bulk-fetch", ids, response_mode, options)


class Tasks(BulkFetchResource[models.TaskItem]):
    """Tasks: annotating and tagging them."""

    def annotate(self, task_id: int, data: dict[str, Any]) -> models.TaskItem:
        """Submit a task's annotations and mark it completed. They replace what was there, so it may be repeated.

        Raises:
            ValidationError: The annotations do not follow the schema.
            ClientError: The call failed.
        """
        body = {"action": "submit", "data": data}
        return self._call_for_item(Call("PUT", self._item_path(task_id, "annotate-task-data/"), json=body))

    def set_tags(
        self, ids: Sequence[int], tags: Sequence[int | str], *, action: TagAction | str = TagAction.ADD
    ) -> int:
        """Add, remove or replace (`set`) tags of up to 1,000 tasks; answers how many tasks were reached.

        Raises:
            ClientError: The call failed.
        """
        return _set_tags(
            self._client, self.path, SetTagsRequest(ids=list(ids), tags=list(tags), action=TagAction(action))
        )


class Assignments(BulkFetchResource[models.AssignmentItem]):
    """Assignments: reviewing and tagging them."""

    def review(self, assignment_id: int, status: ReviewStatus | str, comment: str = "") -> models.AssignmentItem:
        """Say what a reviewer thinks of an assignment. Sent once: each review is kept.

        Raises:
            ClientError: The call failed.
        """
        body = {"status": ReviewStatus(status), "comment": comment}
        return self._call_for_item(Call("POST", self._item_path(assignment_id, "review/"), json=body))

    def set_tags(
        self, ids: Sequence[int], tags: Sequence[int | str], *, action: TagAction | str = TagAction.ADD
    ) -> int:
        """Add, remove or replace (`set`) tags of up to 1,000 assignments; answers how many were reached.

        Raises:
            ClientError: The call failed.
        """
        return _set_tags(
            self._client, self.path, SetTagsRequest(ids=list(ids), tags=list(tags), action=TagAction(action))
        )


class BulkDataResource(Resource[T]):
    """Rows of ground truths or their events, annotations and files included, by id."""

    def bulk_data(
        self,
        ids: Sequence[int],
        *,
        response_mode: str = "inline",
        page_retries: int | None = None,
        page_retry_backoff: float | None = None,
        retry_on_status: Collection[int] | None = None,
        read_timeout_seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """Up to 200 rows (`synapse_sdk.wire.bundle.ExportRow` as dicts), ascending by id; see `tasks.bulk_fetch`.

        Args:
            ids: Ids of the rows; for events their `pgh_id`.
            response_mode: `inline`, or `presigned` for a URL in place of large annotation data.
            page_retries: Repetitions; None is the client's own policy.
            page_retry_backoff: Seconds before the first repetition, doubling.
            retry_on_status: Statuses to repeat on, in place of 502, 503 and 504.
            read_timeout_seconds: Longest silence of the server within the answer.

        Raises:
            ClientError: The call failed.
        """
        options = PageOptions(
            page_retries,
            page_retry_backoff,
            retry_on_status=retry_on_status,
            read_timeout_seconds=read_timeout_seconds,
        )
        return self._fetch_rows("bulk-data", ids, response_mode, options)


class Projects(Resource[models.ProjectItem]):
    """Projects, and importing into them."""

    def import_items(
        self, project_id: int, items: Sequence[ImportItem | dict[str, Any]], *, create_classes: bool = True
    ) -> list[ImportOutcome]:
        """Add up to 200 annotated items, all or none; the same keys again add nothing.

        Raises:
            ValidationError: An item is not allowed; nothing was added.
            ClientError: The call failed.
        """
        bodies = [item.model_dump(mode="json") if isinstance(item, ImportItem) else item for item in items]
        call = Call(
            "POST",
            self._item_path(project_id, "import-items/"),
            json={"items": bodies, "create_classes": create_classes},
            is_long=True,
            repeatable=True,
        )
        return [parse_model(ImportOutcome, row, call.label) for row in self._call_for_rows(call)]


class GroundTruthDatasets(Resource[models.GroundTruthDatasetItem]):
    """Ground truth data sets: filling and releasing them."""

    def collect(self, dataset_id: int, selection: dict[str, Any] | None = None) -> dict[str, Any]:
        """Copy completed assignments of the data set's project into it, as events.

        Args:
            dataset_id: The data set.
            selection: Filters of assignments.

        Raises:
            ClientError: The call failed.
        """
        call = Call(
            "POST",
            self._item_path(dataset_id, "collect/"),
            json={"filter": selection or {}},
            is_long=True,
        )
        outcome: dict[str, Any] = parse_item(self._client.send_json(call), call.label)
        return outcome

    def release(self, dataset_id: int, name: str, description: str = "") -> models.GroundTruthVersionItem:
        """Fix the data set's present state as a version that never changes.

        Raises:
            ConflictError: There is a version of that name.
            ClientError: The call failed.
        """
        call = Call(
            "POST",
            self._item_path(dataset_id, "versions/"),
            json={"name": name, "description": description},
            is_long=True,
        )
        version: models.GroundTruthVersionItem = parse_item(self._client.send_json(call), call.label)
        return version


class DataFiles(Resource[models.DataFileItem]):
    """Files: uploading and downloading them."""

    def presigned_upload(
        self, files: Sequence[FileAnnouncement | dict[str, Any]], *, storage: int | None = None
    ) -> list[UploadTicket]:
        """Announce up to 200 files; the answer says, in the same order, which the server has and where the rest go.

        Raises:
            ClientError: The call failed.
        """
        return announce_files(self._client, [FileAnnouncement.model_validate(file) for file in files], storage)

    def confirm_upload(self, ids: Sequence[int]) -> list[UploadArrival]:
        """Let the server check which of up to 200 files have arrived.

        Raises:
            ClientError: The call failed.
        """
        return confirm_files(self._client, ids)

    def upload(self, path: str | Path, *, file_name: str | None = None, storage: int | None = None) -> UploadedFile:
        """Bring one file to the server, unless it has these bytes already.

        Raises:
            ClientError: The server refused it, or could not be reached.
            OSError: The file cannot be read.
        """
        return upload_files(self._client, [describe_file(path, file_name)], storage=storage, max_workers=1)[0]

    def upload_many(
        self, paths: Sequence[str | Path], *, storage: int | None = None, max_workers: int = DEFAULT_UPLOAD_WORKERS
    ) -> list[UploadedFile]:
        """Bring files to the server in parallel and return them in the same order; equal contents are sent once.

        Raises:
            ClientError: The server refused one, or could not be reached.
            OSError: A file cannot be read.
        """
        files = [describe_file(path) for path in paths]
        return upload_files(self._client, files, storage=storage, max_workers=max_workers)

    def download(self, data_file_id: int, target: str | Path) -> Path:
        """Fetch a file's bytes; nothing is left at `target` when it fails.

        Raises:
            ClientError: The file could not be fetched.
            StorageError: The bytes are not the announced ones, or cannot be written.
        """
        file = self.retrieve(data_file_id)
        url = self._client.resolve(f"data_files/{data_file_id}/content/")
        return download_file(
            url,
            target,
            client=self._client.http,
            expected_sha256=file.get("sha256"),
            expected_size=file.get("size_bytes"),
            retry=self._client.retry,
        )


def _set_tags(client: BaseClient, path: str, request: SetTagsRequest) -> int:
    call = Call("POST", f"{path}set-tags/", json=request.model_dump(mode="json"), repeatable=True)
    return parse_model(TagsSet, parse_item(client.send_json(call), call.label), call.label).count
