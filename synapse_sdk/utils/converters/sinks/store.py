"""A data set in an S3-compatible store: every file goes there as it grows, none waits on this machine's disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from synapse_sdk.utils.converters.sinks.sink import JoinedOutput, Output, WrittenFile
from synapse_sdk.utils.object_store import JoinedObjectUpload, ObjectUpload, store_errors, upload_file

# Small files wait for the network more than they weigh: so many may be on their way.
FILES_IN_FLIGHT = 16
BYTES_IN_FLIGHT = 16 << 20
# A file that goes in one request, among the others on their way.
SMALL_FILE_BYTES = 1 << 20


class StoreSink:
    """Writes below a path of an S3 storage.

    Args:
        root: The data set's root, a `upath.UPath`.
    """

    folder = None

    def __init__(self, root: Any) -> None:
        self._root, self._bucket = root, root.fs.bucket
        self._files: dict[str, WrittenFile] = {}
        self._open: list[_StoreOutput] = []
        self._flying: deque[tuple[str, int, Future[Any]]] = deque()
        self._flying_bytes = 0

    @property
    def files(self) -> Mapping[str, WrittenFile]:
        return self._files

    def make_folder(self, path: str) -> None:
        """Nothing: a store knows no folders."""

    def open(self, path: str) -> Output:
        return self._begin(path, ObjectUpload(self._root / path))

    def open_joined(self, path: str) -> JoinedOutput:
        output = _JoinedStoreOutput(path, JoinedObjectUpload(self._root / path), self._files)
        self._open.append(output)
        return output

    def write(self, path: str, data: bytes) -> None:
        while self._flying and (
            len(self._flying) >= FILES_IN_FLIGHT or self._flying_bytes + len(data) > BYTES_IN_FLIGHT
        ):
            self._land()
        self._flying.append((path, len(data), self._bucket.start_put(self._key_of(path), data)))
        self._flying_bytes += len(data)

    def place(self, path: str, source: Path, *, link: bool = False) -> None:  # noqa: ARG002 - no links in a store
        if source.stat().st_size <= SMALL_FILE_BYTES:
            self.write(path, source.read_bytes())
            return
        upload_file(source, self._root / path)

    def take_back(self, path: str) -> None:
        self.close()
        with store_errors(f"{path} cannot be removed"):
            self._bucket.delete(self._key_of(path))

    def close(self) -> None:
        while self._flying:
            self._land()

    def discard(self) -> None:
        # What lands later would stay when the rest is removed.
        wait([call for _, _, call in self._flying if not call.cancel()])
        self._flying.clear()
        while self._open:
            self._open.pop().discard()

    def _begin(self, path: str, upload: ObjectUpload) -> _StoreOutput:
        output = _StoreOutput(path, upload, self._files)
        self._open.append(output)
        return output

    def _key_of(self, path: str) -> str:
        return str(self._root.fs.key_of((self._root / path).path))

    def _land(self) -> None:
        path, size, call = self._flying.popleft()
        self._flying_bytes -= size
        with store_errors(f"{path} cannot be stored"):
            call.result()


class _StoreOutput:
    def __init__(self, path: str, upload: ObjectUpload, files: dict[str, WrittenFile]) -> None:
        self._path, self._upload, self._files = path, upload, files

    def write(self, data: bytes, /) -> int:
        return self._upload.write(data)

    def close(self) -> None:
        self._upload.close()
        self._files.setdefault(self._path, WrittenFile(self._upload.size_bytes, self._upload.sha256))

    def discard(self) -> None:
        self._upload.discard()


class _JoinedStoreOutput(_StoreOutput):
    _upload: JoinedObjectUpload

    def write_later(self, data: bytes, /) -> int:
        return self._upload.write_later(data)
