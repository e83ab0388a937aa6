"""The original files of a bundle, under `files/ab/<sha256><ext>`, once per content and extension.

In the same local file system a file gets a second name (a hard link): no time, no space. From another storage it is
copied, and its SHA-256 checked on the way. A file whose bytes are missing or wrong does not end the job: its row keeps
`bundle_path: null`, and the manifest counts it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Self

from web_helper.backend.jobs.durable_files import carry_file, sync_folder, write_whole
from web_helper.backend.queries.export_rows import UnitFile
from web_helper.backend.services.data.objects import BLOCK_BYTES, UnsafePathError, check_object_path, is_local

FILES_FOLDER = "files"
_EXTENSION = re.compile(r"\.[a-z0-9]{1,10}")


class Placed(StrEnum):
    """What became of one file."""

    NEW = "new"
    THERE = "there"
    MISSING = "missing"


class WrongBytesError(Exception):
    """The stored bytes are not those that the file's SHA-256 names."""


def bundle_path_of(file: UnitFile) -> str:
    """Path of a file inside the bundle. Of the name that people gave, only a harmless extension is kept."""
    suffix = os.path.splitext(file.file_name_original)[1].lower()  # noqa: PTH122 - Called for each row.
    extension = suffix if _EXTENSION.fullmatch(suffix) else ""
    return f"{FILES_FOLDER}/{file.sha256[:2]}/{file.sha256}{extension}"


class BundleFiles:
    """Puts the files of rows into the bundle.

    Args:
        folder: The bundle's folder.
        root_of: Opens a storage by its id.
        check: Called between files and between blocks of one; raises when the job has to stop.
        threads: Files that are copied at once; copies between storages wait for the network more than they work.
    """

    def __init__(
        self, folder: Path, root_of: Callable[[int], Path], check: Callable[[], None], *, threads: int = 8
    ) -> None:
        self._folder, self._root_of, self._check, self._threads = folder, root_of, check, threads
        self._pool: ThreadPoolExecutor | None = None
        self._subfolders: set[str] = set()
        self.file_count = 0
        self.missing_files = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def place(self, files: Iterable[UnitFile]) -> Callable[[UnitFile], str | None]:
        """Put files into the bundle; the answer tells the path of each, or None of one that is missing."""
        items = {bundle_path_of(file): file for file in files}
        outcomes = dict(zip(items, self._run(items), strict=True))
        self.file_count += sum(outcome is Placed.NEW for outcome in outcomes.values())

        def path_of(file: UnitFile) -> str | None:
            path = bundle_path_of(file)
            if outcomes[path] is Placed.MISSING:
                self.missing_files += 1
                return None
            return path

        return path_of

    def carry(self, origin: Path, paths: Iterable[str]) -> None:
        """Take over files that an earlier attempt has put into its bundle.

        Raises:
            OSError: One is not there.
        """
        for path in paths:
            self._check()
            self._make_subfolder(path[: len(FILES_FOLDER) + 3])
            if carry_file(origin / path, self._folder / path):
                self.file_count += 1

    def sync(self) -> None:
        """Make the new names survive a power cut."""
        for name in self._subfolders:
            sync_folder(self._folder / name)
        if self._subfolders:
            sync_folder(self._folder / FILES_FOLDER)

    def _run(self, items: Mapping[str, UnitFile]) -> Iterable[Placed]:
        for path in items:
            self._make_subfolder(path[: len(FILES_FOLDER) + 3])
        roots = {storage_id: self._root_of(storage_id) for storage_id in {file.storage_id for file in items.values()}}
        places = [(roots[file.storage_id], path, file) for path, file in items.items()]
        if is_local(self._folder) and all(is_local(root) for root in roots.values()):
            return map(self._link_file, places)
        self._pool = self._pool or ThreadPoolExecutor(self._threads, thread_name_prefix="bundle-copy")
        return self._pool.map(self._copy_file, places)

    def _make_subfolder(self, name: str) -> None:
        if name not in self._subfolders:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
            self._subfolders.add(name)

    def _link_file(self, place: tuple[Path, str, UnitFile]) -> Placed:
        """A second name for the bytes. A million of these is common, hence plain strings."""
        root, path, file = place
        self._check()
        try:
            origin = f"{root}/{check_object_path(file.path)}"
            if os.stat(origin).st_size != file.size_bytes:  # noqa: PTH116 - See above.
                return Placed.MISSING
        except (FileNotFoundError, PermissionError, UnsafePathError):
            return Placed.MISSING
        try:
            os.link(origin, f"{self._folder}/{path}")
        except FileExistsError:
            return Placed.THERE
        except OSError:
            # Another file system, or one without links, or too many of them.
            return self._copy_file(place)
        return Placed.NEW

    def _copy_file(self, place: tuple[Path, str, UnitFile]) -> Placed:
        root, path, file = place
        self._check()
        target = self._folder / path
        if target.exists():
            return Placed.THERE
        try:
            origin = root / check_object_path(file.path)
            origin.stat()
        except (FileNotFoundError, PermissionError, UnsafePathError):
            return Placed.MISSING
        try:
            self._copy(origin, target, file.sha256)
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
