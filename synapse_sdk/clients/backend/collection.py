"""v1: data collections, units and files, and uploading many of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from synapse_sdk.clients.backend.transport import Body, Params, V1Transport, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.clients.uploads import DEFAULT_UPLOAD_WORKERS, UploadedFile, describe_file, upload_files

T = TypeVar("T")

DEFAULT_BATCH_SIZE = 1000
ANNOUNCED_UPLOAD_BYTES = 50 * 10**6


class BulkUploadClientMixin(V1Transport):
    """Files by checksum: only what the server does not have is sent."""

    def upload_files_bulk(
        self, paths: Sequence[str | Path], max_workers: int = DEFAULT_UPLOAD_WORKERS, *, storage: int | None = None
    ) -> list[UploadedFile]:
        """Bring files to the server in parallel and return them in the same order.

        Raises:
            ClientError: The server refused one, or could not be reached.
            OSError: A file cannot be read.
        """
        files = [describe_file(path) for path in paths]
        return upload_files(self, files, storage=storage, max_workers=max_workers)


class CollectionClientMixin(BulkUploadClientMixin):
    """Data collections, units and files."""

    def list_data_collections(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("data_collections/", list_all=list_all, params=params)

    def get_data_collection(self, collection_id: int) -> Any:
        """A collection with its file specifications."""
        return self._get(item_path("data_collections", collection_id), {"expand": "file_specifications"})

    def create_data_file(self, path: str | Path, *, use_chunked_upload: bool | None = None) -> Any:
        """Upload one file; it is streamed, whatever its size.

        Args:
            path: The file.
            use_chunked_upload: Announce it by checksum first and send it to a signed URL, where a broken attempt is
                repeated; None does so above 50 MB.

        Raises:
            ClientError: The server refused it, or could not be reached.
        """
        if use_chunked_upload is None:
            use_chunked_upload = Path(path).stat().st_size > ANNOUNCED_UPLOAD_BYTES
        if use_chunked_upload:
            uploaded = self.upload_files_bulk([path], 1)[0]
            return self._get(item_path("data_files", uploaded.data_file_id))
        with Path(path).open("rb") as content:
            call = Call(
                "POST",
                "data_files/",
                files={"file": (Path(path).name, content)},
                is_long=True,
            )
            return self.send_json(call)

    def verify_data_files_checksums(self, checksums: Sequence[str]) -> Any:
        """Which of these SHA-256 checksums the server has files of."""
        return self._post("data_files/verify_checksums/", {"checksums": list(checksums)}, repeatable=True)

    def get_data_unit(self, unit_id: int, *, params: Params | None = None) -> Any:
        return self._get(item_path("data_units", unit_id), params)

    def list_data_units(
        self, params: Params | None = None, url_conversion: Params | None = None, *, list_all: bool = False
    ) -> Any:
        return self._list("data_units/", url_conversion, list_all=list_all, params=params)

    def create_data_units(self, data: Body | list[Body]) -> Any:
        """Make one data unit, or several, from files that were uploaded."""
        return self._post("data_units/", data)

    def upload_data_file(self, item: Params, collection_id: int) -> dict[str, Any]:
        """Upload the files of one data unit, `{"files": {specification: path}, "meta": {…}}`, and return its body."""
        files = dict(item["files"])
        uploaded = self.upload_files_bulk(list(files.values()), len(files) or 1)
        return self._unit_body(collection_id, item, uploaded)

    def upload_data_collection(
        self,
        collection_id: int,
        data: Iterable[Params],
        *,
        project_id: int | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        max_workers: int = 10,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> int:
        """Upload data units, and make a task of each when a project is given.

        Args:
            collection_id: Where the units go.
            data: `{"files": {specification: path}, "meta": {…}}` each, with `width` and `height` of the image if known;
                read batch by batch.
            project_id: Make tasks in this project.
            batch_size: Units per request.
            max_workers: Files sent at once.
            on_progress: Called after each batch with units done and their number, when it is known.

        Returns:
            How many units were made.

        Raises:
            ClientError: The server refused something, or could not be reached; earlier batches stay.
        """
        total = len(data) if isinstance(data, Sequence) else None
        done = 0
        for batch in _batches(data, batch_size):
            paths = [path for item in batch for path in dict(item["files"]).values()]
            uploaded = iter(self.upload_files_bulk(paths, max_workers))
            bodies = [
                self._unit_body(collection_id, item, list(islice(uploaded, len(item["files"])))) for item in batch
            ]
            units = self.create_data_units(list(bodies))
            if project_id is not None:
                self._post("tasks/", [{"project": project_id, "data_unit": unit["id"]} for unit in units])
            done += len(batch)
            if on_progress:
                on_progress(done, total)
        return done

    def _unit_body(self, collection_id: int, item: Params, uploaded: Sequence[UploadedFile]) -> dict[str, Any]:
        files = {
            specification: {"checksum": file.file.sha256, "path": file.file.file_name}
            for specification, file in zip(item["files"], uploaded, strict=True)
        }
        known = {name: item[name] for name in ("width", "height") if item.get(name)}
        return {"data_collection": collection_id, "files": files, "meta": item.get("meta") or {}, **known}


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
