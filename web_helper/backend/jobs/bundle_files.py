"""The original files of a bundle, under `files/ab/<sha256><ext>`, once per content and extension.

In the same local file system a file gets a second name (a hard link): no time, no space. From another storage it is
copied, and its SHA-256 checked on the way. A file whose bytes are missing or wrong does not end the job: its row keeps
`bundle_path: null`, and the manifest counts it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import msgspec

from web_helper.backend.jobs.bundle_writer import in_blocks
from web_helper.backend.jobs.durable_files import sync_folder, write_whole
from web_helper.backend.services.data.objects import BLOCK_BYTES, UnsafePathError, check_object_path, is_local

FILES_FOLDER = "files"
# Rows whose files are looked up in one statement.
ROWS_PER_LOOKUP = 200
# Copies between storages wait for the network more than they work.
COPY_THREADS = 8
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}")


@dataclass(frozen=True)
class StoredFile:
    """Where the bytes of a file lie now."""

    sha256: str
    size_bytes: int
    root: Path
    path: str


class Placed(StrEnum):
    """What became of one file."""

    NEW = "new"
    THERE = "there"
    MISSING = "missing"


class WrongBytesError(Exception):
    """The stored bytes are not those that the file's SHA-256 names."""


FindFiles = Callable[[set[str]], dict[str, StoredFile]]


def bundle_path_of(sha256: str, file_name: str) -> str:
    """Path of a file inside the bundle. Of the name that people gave, only a harmless extension is kept."""
    suffix = Path(file_name).suffix.lower()
    extension = suffix if _EXTENSION.fullmatch(suffix) else ""
    return f"{FILES_FOLDER}/{sha256[:2]}/{sha256}{extension}"


class BundleFiles:
    """Puts the files of rows into the bundle and writes their place into the rows.

    Args:
        folder: The bundle's folder.
        find: Where the bytes of these SHA-256 lie; what is unknown is left out.
        check: Called between files and between blocks of one; raises when the job has to stop.
    """

    def __init__(self, folder: Path, find: FindFiles, check: Callable[[], None]) -> None:
        self._folder, self._find, self._check = folder, find, check
        self._pool: ThreadPoolExecutor | None = None
        self._subfolders: set[Path] = set()
        self.file_count = 0
        self.missing_files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def place(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The lines again, each file entry with the `bundle_path` under which its bytes now lie in the bundle."""
        for block in in_blocks(lines, ROWS_PER_LOOKUP):
            # `Raw` leaves the annotations as they are: they are neither decoded nor written anew.
            rows = [msgspec.json.decode(line, type=dict[str, msgspec.Raw]) for line in block]
            manifests = [_manifest_of(row) for row in rows]
            placed = self._place_files(entry for manifest in manifests for entry in manifest.values())
            for row, manifest in zip(rows, manifests, strict=True):
                self._note_places(manifest.values(), placed)
                row["files_manifest"] = msgspec.Raw(msgspec.json.encode(manifest))
                yield msgspec.json.encode(row)

    def sync(self) -> None:
        """Make the new names survive a power cut."""
        for subfolder in self._subfolders:
            sync_folder(subfolder)
        if self._subfolders:
            sync_folder(self._folder / FILES_FOLDER)

    def _note_places(self, entries: Iterable[dict[str, Any]], placed: set[str]) -> None:
        for entry in entries:
            wanted = _wanted_path(entry)
            entry["bundle_path"] = wanted if wanted in placed else None
            self.missing_files += wanted not in placed

    def _place_files(self, entries: Iterable[dict[str, Any]]) -> set[str]:
        """Those of the wanted bundle paths that now have their bytes."""
        wanted = {path: entry["sha256"] for entry in entries if (path := _wanted_path(entry)) is not None}
        stored = self._find(set(wanted.values())) if wanted else {}
        work = [(stored[sha256], path) for path, sha256 in wanted.items() if sha256 in stored]
        outcomes = zip(work, self._run(work), strict=True)
        placed = {path: outcome for (_, path), outcome in outcomes if outcome is not Placed.MISSING}
        self.file_count += sum(outcome is Placed.NEW for outcome in placed.values())
        return set(placed)

    def _run(self, work: list[tuple[StoredFile, str]]) -> Iterable[Placed]:
        for _, path in work:
            self._make_subfolder((self._folder / path).parent)
        if is_local(self._folder) and all(is_local(source.root) for source, _ in work):
            return map(self._place_file, work)
        self._pool = self._pool or ThreadPoolExecutor(COPY_THREADS, thread_name_prefix="bundle-copy")
        return self._pool.map(self._place_file, work)

    def _make_subfolder(self, subfolder: Path) -> None:
        if subfolder not in self._subfolders:
            subfolder.mkdir(parents=True, exist_ok=True)
            self._subfolders.add(subfolder)

    def _place_file(self, item: tuple[StoredFile, str]) -> Placed:
        self._check()
        source, target = item[0], self._folder / item[1]
        origin = _origin_of(source)
        if origin is None:
            return Placed.MISSING
        if target.exists():
            return Placed.THERE
        if not _link(origin, target):
            try:
                self._copy(origin, target, source.sha256)
            except WrongBytesError:
                return Placed.MISSING
        return Placed.NEW

    def _copy(self, origin: Path, target: Path, sha256: str) -> None:
        digest = hashlib.sha256()
        with origin.open("rb") as reader, write_whole(target) as writer:
            while block := reader.read(BLOCK_BYTES):
                self._check()
                digest.update(block)
                writer.write(block)
            if digest.hexdigest() != sha256:
                raise WrongBytesError(f"The stored bytes of {sha256} have another SHA-256.")


def _manifest_of(row: dict[str, msgspec.Raw]) -> dict[str, dict[str, Any]]:
    manifest: dict[str, dict[str, Any]] = msgspec.json.decode(row["files_manifest"])
    return manifest


def _wanted_path(entry: dict[str, Any]) -> str | None:
    sha256 = entry.get("sha256")
    return bundle_path_of(sha256, entry["file_name_original"]) if sha256 else None


def _origin_of(source: StoredFile) -> Path | None:
    """The file's stored bytes, or None when they are gone or of another size."""
    try:
        origin = source.root / check_object_path(source.path)
        return origin if origin.stat().st_size == source.size_bytes else None
    except (FileNotFoundError, PermissionError, UnsafePathError):
        return None


def _link(origin: Path, target: Path) -> bool:
    """Give the bytes a second name; False where the file systems do not allow that."""
    if not (is_local(origin) and is_local(target)):
        return False
    try:
        os.link(origin, target)
    except OSError:
        return False
    return True
