"""Imports the kit's files from their source, never from bytecode, and remembers what each one held.

Python takes bytecode for fresh when the source's time, in whole seconds, and its size fit: a file that is replaced
twice within a second, at equal length, would run its old code. Here the bytes whose digest is written down are the
bytes that are compiled. An audit hook watches beside the loader, so that no other way to run a file goes unseen.

Processes that a run forks, or spawns by `multiprocessing` (workers of a data loader, say), write down what they run in
the same file, and refuse a component that was changed since another process of the run imported it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

KIT_FOLDER = Path(__file__).resolve().parents[1]
# Tells processes that a run starts what they belong to: the file that they share, then the roots, as JSON.
SPAWNED = "CVLABKIT_SPAWNED"


class SourceRecord:
    """What was run of some folders of the kit.

    Args:
        roots: Folders named `cvlabkit`; files are named relative to what holds them.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._prefixes = tuple(f"{root}{os.sep}" for root in self._roots)
        self._digests: dict[str, str] = {}
        self._seen: set[str] = set()
        self._shared: Path | None = None

    def start(self) -> None:
        """Watch from now on, until the process ends: an audit hook cannot be taken back."""
        sys.addaudithook(self._audit)
        sys.path_hooks.insert(0, self._find)
        for folder in [each for each in sys.path_importer_cache if self._is_below(f"{each}{os.sep}")]:
            del sys.path_importer_cache[folder]
        # What came before, this file among it.
        self._seen.update(
            file
            for module in list(sys.modules.values())
            if isinstance(file := getattr(module, "__file__", None), str) and self._is_below(file)
        )

    def join(self, path: Path) -> None:
        """Write to this file, too, what is run from now on."""
        self._shared = path

    @contextmanager
    def shared(self, path: Path) -> Iterator[None]:
        """Let the processes that this one forks or spawns meanwhile write to this file, which is removed at the end."""
        lines = [_line(file, digest) for file, digest in self._digests.items()]
        path.write_text("".join(lines), encoding="utf-8")
        self.join(path.resolve())
        os.environ[SPAWNED] = json.dumps([str(path.resolve()), *map(str, self._roots)])
        try:
            yield
        finally:
            self._take_shared()
            self._shared = None
            del os.environ[SPAWNED]
            path.unlink(missing_ok=True)

    def digests(self) -> dict[str, str]:
        """SHA-256 of every file that was run, by its path from the folder that holds `cvlabkit`."""
        self._take_shared()
        found: dict[str, str] = {}
        for path in sorted(self._seen | set(self._digests)):
            root = next(root for root in self._roots if path.startswith(f"{root}{os.sep}"))
            digest = self._digests.get(path) or _digest(Path(path).read_bytes())
            found.setdefault(Path(path).relative_to(root.parent).as_posix(), digest)
        return found

    def write(self, path: Path) -> None:
        """Write the digests as JSON: beside, then renamed."""
        part = path.with_name(f".{path.name}.part")
        part.write_text(json.dumps(self.digests(), indent=1), encoding="utf-8")
        part.replace(path)

    def _find(self, folder: str) -> FileFinder:
        path = os.path.abspath(folder)  # noqa: PTH100 - a string, as Python's own finders take
        if not self._is_below(f"{path}{os.sep}") or not os.path.isdir(path):  # noqa: PTH112 - the same
            raise ImportError
        return FileFinder(folder, (self._load, SOURCE_SUFFIXES))  # type: ignore[arg-type] # what makes a loader will do

    def _load(self, name: str, path: str) -> _SourceLoader:
        return _SourceLoader(name, path, self._note)

    def _note(self, path: str, digest: str | None) -> None:
        """Remember a file that is run.

        Raises:
            ImportError: Another process of the run has run other bytes of it.
        """
        self._take_shared()
        if digest is not None and self._digests.setdefault(path, digest) != digest:
            raise ImportError(f"{path} was changed after this run had begun. Start the run again.")
        self._seen.add(path)
        if self._shared is not None:
            with suppress(FileNotFoundError), _appending(self._shared) as descriptor:
                os.write(descriptor, _line(path, digest).encode())

    def _take_shared(self) -> None:
        """Read what other processes of the run have written; nothing when the run is over."""
        if self._shared is None or not self._shared.exists():
            return
        for line in self._shared.read_text(encoding="utf-8").splitlines():
            path, digest = json.loads(line)
            self._seen.add(path)
            if digest is not None:
                self._digests.setdefault(path, digest)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "exec":
            path = getattr(arguments[0], "co_filename", None)
        elif event == "open" and not set(str(arguments[1])) & set("wax+"):
            path = arguments[0]
        else:
            return
        if isinstance(path, str) and path.endswith(".py"):
            path = os.path.abspath(path)  # noqa: PTH100 - a hook that every import passes is kept cheap
            if self._is_below(path) and path not in self._seen:
                self._note(path, None)

    def _is_below(self, path: str) -> bool:
        return path.startswith(self._prefixes)


class _SourceLoader(SourceFileLoader):
    """Python's loader of source files, without the bytecode."""

    def __init__(self, name: str, path: str, note: Callable[[str, str], None]) -> None:
        super().__init__(name, path)
        self._note = note

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        content = self.get_data(path)
        self._note(os.path.abspath(path), _digest(content))  # noqa: PTH100 - as the audit hook names it
        code: CodeType = self.source_to_code(content, path)
        return code


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _appending(path: Path) -> Iterator[int]:
    """For a write that other processes' writes do not come between."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _line(path: str, digest: str | None) -> str:
    return json.dumps([path, digest]) + "\n"


def use_tree(base: Path) -> None:
    """Let components of another folder that holds `cvlabkit` be found, before those of this installation."""
    for folder in ("component", "agent"):
        package = import_module(f"{KIT_FOLDER.name}.{folder}")
        place = str((base / KIT_FOLDER.name / folder).resolve())
        if place not in package.__path__:
            package.__path__.insert(0, place)


def join_run() -> None:
    """In a process that a run has started: see the run's tree, and write down what is run here."""
    shared, *roots = map(Path, json.loads(os.environ[SPAWNED]))
    record = SourceRecord(roots)
    record.start()
    record.join(shared)
    use_tree(roots[-1].parent)
