"""Executes a run's kit, and writes down what was really executed.

    python -B observed.py FOLDER RECORD MODULE [ARGUMENT…]

An audit hook sees the bytes that Python compiles: their digests are compared with those of the run's manifest
(`FOLDER/files.json`) and appended to RECORD, one JSON line per file. A file below `cvlabkit` that is not in the
manifest, that differs from it, or that comes from compiled code without its source, is recorded and then refused. The
hook goes along into forked processes; those that are spawned anew get the same tree and no bytecode.

Only the standard library: nothing of ours may be imported before the hook is there.
"""

from __future__ import annotations

import hashlib
import json
import os
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import CodeType
from typing import Any

KIT = "cvlabkit"


class Observer:
    """Watches what is executed below one folder.

    Args:
        folder: The run's folder; `cvlabkit` lies in it.
        wanted: SHA-256 by path, relative to it.
        record: File that is appended to.
    """

    def __init__(self, folder: str, wanted: dict[str, str], record: str) -> None:
        self._root = os.path.join(folder, KIT) + os.sep  # noqa: PTH118 - a hook that runs on every import
        self._start = len(folder) + 1
        self._wanted = wanted
        self._compiled: dict[str, str] = {}
        self._executed: set[str] = set()
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        """What Python calls at every audit event."""
        if event == "compile":
            source, name = arguments
            if isinstance(source, bytes) and isinstance(name, str) and name.startswith(self._root):
                self._compiled[name] = hashlib.sha256(source).hexdigest()
        elif event == "exec":
            code = arguments[0]
            if isinstance(code, CodeType) and code.co_name == "<module>" and code.co_filename.startswith(self._root):
                self._look(code.co_filename)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Refuse a module of the kit that lies anywhere but in the run's tree (`sys.meta_path`)."""
        if name != KIT and not name.startswith(f"{KIT}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None and not spec.origin.startswith(self._root):
            self._refuse(spec.origin, None, "lies outside the run's own tree")
        return spec

    def _look(self, file: str) -> None:
        if file in self._executed:
            return
        name, digest = file[self._start :], self._compiled.get(file)
        if name not in self._wanted:
            self._refuse(name, digest, "is not in the run's manifest")
        if digest != self._wanted[name]:
            self._refuse(name, digest, "is not as the run's manifest has it")
        self._executed.add(file)
        self._write(name, digest, None)

    def _refuse(self, file: str, digest: str | None, reason: str) -> None:
        self._write(file, digest, reason)
        raise ImportError(f"{file} {reason}: it was not executed.")

    def _write(self, file: str, digest: str | None, problem: str | None) -> None:
        line = {"file": file, "sha256": digest} | ({"problem": problem} if problem else {})
        os.write(self._record, json.dumps(line).encode() + b"\n")


def main() -> None:
    """Watch, then become the module."""
    folder, record, module, *arguments = sys.argv[1:]
    folder = os.path.realpath(folder)
    with open(os.path.join(folder, "files.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - as above
        observer = Observer(folder, json.load(file), record)
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as above
    sys.path[:] = [folder, *(place for place in sys.path if place != own)]
    sys.argv = [module, *arguments]
    sys.meta_path.insert(0, observer)
    sys.addaudithook(observer.hook)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
