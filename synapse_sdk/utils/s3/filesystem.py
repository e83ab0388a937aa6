"""A bucket as a file system of fsspec, which gives it the paths of universal-pathlib."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

from fsspec.spec import AbstractBufferedFile, AbstractFileSystem
from upath import UPath

from synapse_sdk.utils.object_store import ObjectUpload
from synapse_sdk.utils.s3.bucket import Bucket, Connection, ObjectEntry

READ_AHEAD_BYTES = 1 << 20
# Stores whose connections stay open between two uses.
KEPT_BUCKETS = 16


def open_bucket(connection: Connection) -> Any:
    """The bucket's root, a `upath.UPath`."""
    return _root_of(BucketFileSystem(_bucket_of(connection)))


def _root_of(files: BucketFileSystem) -> Any:
    root = UPath(f"s3://{files.bucket.name}")
    # By itself it would look for s3fs; a registration of ours would take `s3://` from plugins that use s3fs.
    root._fs_cached = files  # noqa: SLF001 - every path below the root gets it too.
    return root


@lru_cache(KEPT_BUCKETS)
def _bucket_of(connection: Connection) -> Bucket:
    return Bucket(connection)


class BucketFileSystem(AbstractFileSystem):  # type: ignore[misc] # fsspec has no types
    """Paths are `bucket/key`. A folder is what keys have in common up to a `/`.

    Attributes:
        bucket: The requests behind it.
    """

    protocol = "s3"
    # Others write into the bucket as well: what was listed once says little about now.
    cachable = False

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(use_listings_cache=False)
        self.bucket = bucket

    def key_of(self, path: str) -> str:
        """The key that a path stands for."""
        return str(self._strip_protocol(path)).partition("/")[2]

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        key = self.key_of(path)
        if key:
            try:
                return self._told(self.bucket.look(key))
            except FileNotFoundError:
                pass
        if next(self.bucket.list(f"{key}/" if key else "", most=1), None) is None and key:
            raise FileNotFoundError(path)
        return self._told(ObjectEntry(key, is_folder=True))

    def ls(self, path: str, *, detail: bool = True, **_: Any) -> list[Any]:
        key = self.key_of(path)
        prefix = f"{key}/" if key else ""
        found = [self._told(entry) for entry in self.bucket.list(prefix, delimiter="/") if entry.key != prefix]
        if not found:
            found = [self.info(path)]
            found = found if found[0]["type"] == "file" else []
        return found if detail else [entry["name"] for entry in found]

    def exists(self, path: str, **_: Any) -> bool:
        # A store that does not answer is no store without the file.
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def isdir(self, path: str) -> bool:
        try:
            return bool(self.info(path)["type"] == "directory")
        except FileNotFoundError:
            return False

    def isfile(self, path: str) -> bool:
        key = self.key_of(path)
        try:
            return bool(key and self.bucket.look(key))
        except FileNotFoundError:
            return False

    def find(self, path: str, *, detail: bool = False, **more: Any) -> Any:
        if any(more.values()):
            return super().find(path, detail=detail, **more)
        key = self.key_of(path)
        entries = [self._told(entry) for entry in self.bucket.list(f"{key}/" if key else "")]
        return {entry["name"]: entry for entry in entries} if detail else [entry["name"] for entry in entries]

    def mkdir(self, path: str, **_: Any) -> None:
        """Nothing: a store knows no folders."""

    def makedirs(self, path: str, **_: Any) -> None:
        """Nothing: a store knows no folders."""

    def rm(self, path: str, *, recursive: bool = False, **_: Any) -> None:
        if recursive:
            self.bucket.delete_all(entry.key for entry in self.bucket.list(f"{self.key_of(path)}/"))
        self.rm_file(path)

    def rm_file(self, path: str) -> None:
        if not (key := self.key_of(path)):
            raise ValueError("A bucket is its owner's to delete.")
        self.bucket.delete(key)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        self.bucket.copy(self.key_of(path1), self.key_of(path2))

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        if mode == "create":
            self.bucket.put_new(self.key_of(path), value)
        else:
            super().pipe_file(path, value, mode=mode, **more)

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **_: Any) -> Any:
        if mode == "rb":
            return _ReadFile(self, path, block_size=block_size or READ_AHEAD_BYTES)
        if mode == "wb":
            return _WriteFile(ObjectUpload(_root_of(self) / self.key_of(path)))
        raise ValueError(f"An object can be read or written as a whole, not opened with {mode!r}.")

    def _told(self, entry: ObjectEntry) -> dict[str, Any]:
        name = f"{self.bucket.name}/{entry.key}".rstrip("/")
        if entry.is_folder:
            return {"name": name, "size": 0, "type": "directory"}
        return {"name": name, "size": entry.size, "type": "file", "ETag": entry.etag, "LastModified": entry.modified}


class _ReadFile(AbstractBufferedFile):  # type: ignore[misc] # fsspec has no types
    """Read ahead, and of one version: an object that is replaced meanwhile is not mixed with its successor."""

    def _fetch_range(self, start: int, end: int) -> bytes:
        files: BucketFileSystem = self.fs
        return files.bucket.get(files.key_of(self.path), start, end, etag=self.details["ETag"])


class _WriteFile(io.RawIOBase):
    """An object that appears when it is closed, and not at all when its block fails."""

    def __init__(self, upload: ObjectUpload) -> None:
        self._upload = upload

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._upload.write(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._upload.close()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._upload.discard()
        self.close()
