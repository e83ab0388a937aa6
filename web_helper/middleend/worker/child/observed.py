"""Executes a run's kit, and writes down what was really executed.

    python -B observed.py FOLDER RECORD MODULE [ARGUMENT…]

An audit hook sees the bytes that Python compiles: their digests are compared with those of the run's manifest
(`FOLDER/files.json`) and appended to RECORD, one JSON line per file. A file below `cvlabkit` that is not in the
manifest, that differs from it, or that comes from compiled code without its source, is recorded and then refused. The
hook goes along into forked processes; those that are spawned anew set it again (`spawned/sitecustomize.py`).

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
# Tells spawned processes what they belong to: the run's folder and the record, as JSON.
ORDER = "SYNAPSE_OBSERVED_RUN"
SPAWNED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "spawned")  # noqa: PTH100, PTH118, PTH120 - as below


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
        elif event == "subprocess.Popen":
            program, words, _, env = arguments
            if is_python(program) and not is_watched(words, os.environ if env is None else env):
                self._refuse("a Python process", None, "was started without what lets it be watched")

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


def is_python(program: Any) -> bool:
    """Whether a program is a Python, by its name."""
    return os.path.basename(os.fsdecode(program)).startswith("python")  # noqa: PTH119 - as above


def is_watched(words: Any, env: Any) -> bool:
    """Whether a Python that is started so imports our `sitecustomize`: not with `-I`, `-E` or `-S`."""
    for word in map(os.fsdecode, words[1:]):
        if not word.startswith("-") or word[1:2] in ("c", "m", ""):
            break
        if word[1] not in "XW-" and set(word) & set("IES"):
            return False
    told = {os.fsdecode(name): os.fsdecode(value) for name, value in env.items()}
    return ORDER in told and SPAWNED in told.get("PYTHONPATH", "").split(os.pathsep)


def watch(folder: str, record: str) -> None:
    """Set the hook in this process."""
    with open(os.path.join(folder, "files.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - as above
        observer = Observer(folder, json.load(file), record)
    sys.meta_path.insert(0, observer)
    sys.addaudithook(observer.hook)


def read_order() -> tuple[str, str]:
    """In a spawned process: what the run's own has left for it."""
    folder, record = json.loads(os.environ[ORDER])
    return folder, record


def leave_order(folder: str, record: str) -> None:
    """Let every Python that this process starts be watched as well."""
    os.environ[ORDER] = json.dumps([folder, os.path.abspath(record)])  # noqa: PTH100 - as above
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = SPAWNED if not before else SPAWNED + os.pathsep + before


def main() -> None:
    """Watch, then become the module."""
    folder, record, module, *arguments = sys.argv[1:]
    folder = os.path.realpath(folder)
    leave_order(folder, record)
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as above
    sys.path[:] = [folder, *(place for place in sys.path if place != own)]
    sys.argv = [module, *arguments]
    watch(folder, record)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
