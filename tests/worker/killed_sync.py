"""Synchronises in child processes that are killed, or whose disk fails, at each write in turn; prints what was found.

`python -m tests.worker.killed_sync FOLDER SCENARIO`: a process without threads, because it forks.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.components.names import parse_component_path
from tests.worker.fault_shim import Fault, FaultyFiles
from web_helper.middleend import stat_index
from web_helper.middleend.component_manager import ComponentManager
from web_helper.middleend.local_tree import LocalTree

# An older version, an edit that nobody else has, a file that is new, and one that is as it should be.
OLD = {"model/net.py": "n = 1\n", "loss/ce.py": "mine = 1\n", "metric/acc.py": "a = 1\n"}
NEW = {"model/net.py": "n = 2\n", "loss/ce.py": "theirs = 2\n", "agent/fit.py": "f = 2\n", "metric/acc.py": "a = 1\n"}
# New where a folder is, and not only in one that is new itself.
NEW |= {"metric/f1.py": "f = 1\n"}
BASES = {"model/net.py": "n = 1\n", "loss/ce.py": "older = 1\n", "metric/acc.py": "a = 1\n"}
EDIT = OLD["loss/ce.py"]
CONFIG = "model: net\nloss: ce\nagent: fit\nmetric:\n  a: acc\n  b: f1\n"


class CannedServer(httpx2.BaseTransport):
    """Answers as the server does; what is uploaded is written to a file, so that it outlives the process."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def active(self) -> dict[str, str]:
        return json.loads(self.file.read_text())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.read() or b"{}")
        place = request.url.path.removeprefix("/api/components/")
        if place.startswith("manifest/"):
            data: dict[str, Any] = {"components": {path: short_hash(text.encode()) for path, text in NEW.items()}}
        elif place == "state":
            data = {"state": "1", "changed": []}
        elif place == "changes":
            active = self.active() | {each["path"]: each["content"] for each in body["changes"]}
            self.file.write_text(json.dumps(active))
            data = {"id": 1}
        else:
            data = self._negotiate(body)
        return httpx2.Response(200, json={"data": data, "meta": {}})

    def _negotiate(self, body: dict[str, Any]) -> dict[str, Any]:
        active = {path: text.encode() for path, text in self.active().items()}
        wanted = {path: text for path, text in active.items() if path in body["need"]}
        differing = {path: text for path, text in wanted.items() if sha256_of(text) != body["have"].get(path)}
        return {
            "versions": {path: {"hash": short_hash(t), "sha256": sha256_of(t)} for path, t in differing.items()},
            "contents": {sha256_of(text): text.decode() for text in differing.values()},
            "known": [],
            "needed": [],
            "missing": [path for path in body["need"] if path not in active],
            "unresolved": [],
            "state": "1",
        }


def arrange(folder: Path) -> ComponentManager:
    shutil.rmtree(folder, ignore_errors=True)
    root = folder / "tree"
    for path, text in OLD.items():
        file = root / parse_component_path(path).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        compiled = file.parent / "__pycache__" / f"{file.stem}.cpython-311.pyc"
        compiled.parent.mkdir()
        compiled.write_bytes(b"stale")
    (root / "config.yaml").write_text(CONFIG)
    server = CannedServer(folder / "server.json")
    server.file.write_text(json.dumps(NEW))
    manager = ComponentManager("http://testserver", root, "syn_test", transport=server)
    (root / ".synapse" / "components").mkdir(parents=True)
    bases = {path: sha256_of(text.encode()) for path, text in BASES.items()}
    (root / ".synapse" / "components" / "bases.json").write_bytes(msgspec.json.encode(bases))
    return manager


def synchronise(manager: ComponentManager, scenario: str) -> None:
    if scenario == "restore":
        manager.restore_from_manifest("exp-1")
    else:
        manager.sync_with_strategy(manager.tree.root / "config.yaml", scenario)


def run_child(manager: ComponentManager, scenario: str, files: FaultyFiles) -> tuple[str, list[str]]:
    """How a synchronisation in a process of its own ended: `done`, `killed`, or the error; and its write points."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        end = "done"
        try:
            with files.on():
                synchronise(manager, scenario)
            # A call that the file system had refused anyway, as the code expects, was no fault.
            end = "done after all" if files.failed_by_itself else end
        except OSError as exc:
            end = os.strerror(exc.errno)
        except BaseException as exc:  # noqa: BLE001 - told to the parent
            end = repr(exc)
        with os.fdopen(writer, "w") as pipe:
            json.dump([end, files.points, files.unseen], pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    if not told:
        return "killed", []
    end, points, unseen = json.loads(told)
    assert all(each.endswith(("/lock", "/server.json")) for each in unseen), unseen
    return end, points


def look(manager: ComponentManager) -> dict[str, str | None]:
    contents = {path: manager.tree.read(parse_component_path(path)) for path in NEW}
    return {path: None if content is None else content.decode() for path, content in contents.items()}


def server_of(manager: ComponentManager) -> CannedServer:
    return CannedServer(manager.tree.root.parent / "server.json")


def kept(root: Path) -> list[str]:
    return [file.read_text() for file in (root / ".synapse" / "components" / "kept").rglob("*.py")]


def try_one(folder: Path, scenario: str, number: int, fault: Fault, *, has_exchange: bool) -> dict[str, Any]:
    manager = arrange(folder)
    files = FaultyFiles(folder, number, fault, has_exchange=has_exchange)
    end, _ = run_child(manager, scenario, files)
    LocalTree(manager.tree.root).recover()
    recovered = look(manager)
    safe = EDIT in [*recovered.values(), *kept(manager.tree.root), *server_of(manager).active().values()]
    fresh = not list(manager.tree.root.rglob("net.*.pyc"))
    synchronise(manager, scenario)
    state = manager.tree.root / ".synapse" / "components"
    return {
        "number": number,
        "fault": fault,
        "end": end,
        "recovered": recovered,
        "edit_is_safe": safe,
        "bytecode_is_fresh": fresh,
        "after": look(manager),
        "edit_is_safe_after": EDIT
        in [*look(manager).values(), *kept(manager.tree.root), *server_of(manager).active().values()],
        "left_over": sorted(str(each) for each in state.glob("incoming/**/*") if not each.is_dir()),
    }


def edit_after_crash(folder: Path, scenario: str, number: int, *, has_exchange: bool) -> dict[str, Any]:
    """Killed, then everything is edited before anybody recovers."""
    manager = arrange(folder)
    run_child(manager, scenario, FaultyFiles(folder, number, Fault.KILLED, has_exchange=has_exchange))
    seen = look(manager)
    later = {path: f"later = '{path}'\n" for path in NEW}
    for path, text in later.items():
        file = manager.tree.file_of(parse_component_path(path))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    LocalTree(manager.tree.root).recover()
    return {
        "number": number,
        "later_stays": look(manager) == later,
        # What a person overwrites is theirs to lose; what had made way for the server's version is not.
        "edit_is_safe": seen["loss/ce.py"] == EDIT or EDIT in kept(manager.tree.root) or scenario == "local_priority",
    }


def try_all(folder: Path, scenario: str, *, has_exchange: bool) -> Iterator[dict[str, Any]]:
    counted = FaultyFiles(folder, has_exchange=has_exchange)
    end, points = run_child(arrange(folder), scenario, counted)
    assert end == "done", end
    yield {"points": points}
    for number, point in enumerate(points, 1):
        for fault in Fault:
            if fault is not Fault.KILLED_HALFWAY or point == "write":
                yield try_one(folder, scenario, number, fault, has_exchange=has_exchange)
        yield edit_after_crash(folder, scenario, number, has_exchange=has_exchange)


if __name__ == "__main__":
    place, name, exchange = sys.argv[1:]
    stat_index.SETTLED_NS = -(10**18)  # the same writes in every run, however long it takes
    os.fsync = lambda _descriptor: None  # what follows a crash need not wait for the disk either
    json.dump(list(try_all(Path(place), name, has_exchange=exchange == "exchange")), sys.stdout)
