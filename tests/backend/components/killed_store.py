"""Changes the store in child processes that are killed at each statement in turn; prints what was found.

`python -m tests.backend.components.killed_store FOLDER`: a process without threads, because it forks.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import event

from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.wire.accounts import Scope
from synapse_sdk.wire.components import (
    ComponentActivate,
    ComponentActivateSet,
    ComponentChangeSet,
    ComponentRollback,
    ComponentUpload,
)
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.queries.components import blobs, versions
from web_helper.backend.services.bootstrap import bootstrap
from web_helper.backend.services.call import Actor, Call
from web_helper.backend.services.components import disk, store

OLD = {"model/net.py": "n = 1\n", "loss/ce.py": "c = 1\n"}
NEW = {"model/net.py": "n = 2\n", "loss/ce.py": "c = 2\n", "agent/fit.py": "f = 2\n"}
Act = Callable[[Call], object]


def body_of(contents: dict[str, str]) -> ComponentChangeSet:
    return ComponentChangeSet.model_validate(
        {"changes": [{"path": path, "content": text} for path, text in contents.items()]}
    )


def acts(root: Path) -> dict[str, tuple[Act, dict[str, str]]]:
    """Each way to change the store, and what is active afterwards."""
    known = sha256_of(b"n = 0\n")
    return {
        "upload": (
            lambda call: store.upload(call, ComponentUpload(path="model/net.py", content="n = 2\n")),
            OLD | {"model/net.py": "n = 2\n"},
        ),
        "activate": (
            lambda call: store.activate(call, ComponentActivate(hash=known)),
            OLD | {"model/net.py": "n = 0\n"},
        ),
        "activate_set": (
            lambda call: store.activate_set(call, 1, ComponentActivateSet()),
            OLD | {"model/net.py": "n = 0\n"},
        ),
        "change": (lambda call: store.change(call, body_of(NEW)), NEW),
        "scan": (lambda call: store.register_scan(call, disk.find_files(root)), NEW),
        "rollback": (
            lambda call: store.roll_back(call, ComponentRollback(paths=["model/net.py"])),
            OLD | {"model/net.py": "n = 0\n"},
        ),
    }


def do(database: Database, act: Act) -> None:
    actor = Actor(1, "admin@localhost", is_admin=True, scopes=frozenset(Scope), token_id=1)
    with database.write() as session:
        act(Call(session, actor, "test", None, None))  # type: ignore[arg-type] - no settings, no links


def active_of(url: str) -> dict[str, str]:
    database = Database(url)
    with database.read() as session:
        rows = versions.aliases_at(session, alias="active")
        contents = blobs.contents_of(session, [row.sha256 for row in rows])
        stored = session.connection().exec_driver_sql("PRAGMA integrity_check").scalar()
    database.dispose()
    assert stored == "ok"
    return {row.path: contents[row.sha256].decode() for row in rows}


def run_child(url: str, act: Act, number: int) -> int:
    """Change the store and be killed at a statement, or at the commit after the last; how many there were, or -1."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        seen = 0
        database = Database(url)

        def count(*_arguments: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(database.engine, "before_cursor_execute", count)
        event.listen(database.engine, "commit", count)
        do(database, act)
        os.write(writer, str(seen).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return int(told) if told else -1


def try_all(folder: Path) -> Iterator[dict[str, Any]]:
    home = folder / "home"
    settings = Settings(home=home, database_url=None, base_url="http://testserver")
    bootstrap(settings)
    database = Database(settings.sqlalchemy_url)
    do(database, lambda call: store.change(call, body_of({"model/net.py": "n = 0\n"})))
    do(database, lambda call: store.change(call, body_of(OLD)))
    database.dispose()
    root = folder / "checkout"
    for path, text in NEW.items():
        file = root / parse_component_path(path).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for name, (act, wanted) in acts(root).items():
        total = run_child(copy(home, folder / "counted"), act, 0)
        for number in range(1, total + 2):
            url = copy(home, folder / "case")
            told = run_child(url, act, number)
            found = active_of(url)
            after = Database(url)
            if found != wanted:
                do(after, act)
            after.dispose()
            yield {
                "act": name,
                "number": number,
                "total": total,
                "killed": told == -1,
                "is_old": found == OLD,
                "is_new": found == wanted,
                "ends_new": active_of(url) == wanted,
            }


def copy(home: Path, to: Path) -> str:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(home, to)
    return f"sqlite:///{to / 'synapse.db'}"


if __name__ == "__main__":
    json.dump(list(try_all(Path(sys.argv[1]))), sys.stdout)
