"""What keeping components costs, beside what git needs for the same: 10,000 files of 5 KB.

`python -m tests.bench.components [--files N]`. An rsync daemon is asked too where there is one (`apt-get install rsync`).
"""

import argparse
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.components.names import parse_component_path
from tests.bench.components_crowd import crowd
from tests.bench.components_rsync import Rsync, open_rsync
from tests.bench.components_store import bytes_of_git, bytes_of_store, histories
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.measure import cpu_of_tree
from tests.bench.platform import Bench, open_bench
from web_helper.middleend.component_manager import ComponentManager, SyncStrategy

FILE_LINES = 170
FRESH = """
import sys, time
from web_helper.middleend.component_manager import ComponentManager
manager = ComponentManager(sys.argv[1], sys.argv[2], sys.argv[3], "server_authoritative")
began = time.perf_counter()
result = manager.sync_all()
print(time.perf_counter() - began)
assert not result.synced, len(result.synced)
"""


def text_of(number: int, version: int = 0) -> str:
    """About 5 KB, unlike any other in a part of its lines, as components are."""
    seed = hashlib.sha256(str(number).encode()).hexdigest()
    lines = (
        f"layer_{line} = Linear({seed[line % 60 : line % 60 + 4]!r}, {number * line % 997})\n"
        for line in range(FILE_LINES)
    )
    return "".join([f"# component {number}, version {version}\n", *lines])


def path_of(number: int) -> str:
    return f"{('model', 'loss', 'metric', 'dataset')[number % 4]}/part_{number}.py"


class Delayed(httpx2.BaseTransport):
    """A network that is far away; counts requests and bytes."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.inner, self.seconds = httpx2.HTTPTransport(), seconds
        self.requests, self.received = 0, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        time.sleep(self.seconds)
        self.requests += 1
        response = self.inner.handle_request(request)
        self.received += int(response.headers.get("Content-Length", 0))
        return response

    def close(self) -> None:
        self.inner.close()


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def wait_for_rest(bench: Bench) -> None:
    """Until the server has done what it does after an answer: it packs what a scan has brought."""
    server, before = bench.servers["server"], -1.0
    while (used := cpu_of_tree(server)) - before > 0.03:
        before = used
        time.sleep(0.5)


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def write_tree(root: Path, files: int) -> None:
    write_files(root, range(files), 0)


def write_files(root: Path, numbers: range, version: int) -> None:
    for number in numbers:
        file = root / parse_component_path(path_of(number)).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text_of(number, version))


def manager_of(bench: Bench, root: Path, transport: Delayed | None = None) -> ComponentManager:
    (root / "cvlabkit").mkdir(parents=True, exist_ok=True)
    strategy = SyncStrategy.SERVER_AUTHORITATIVE
    return ComponentManager(bench.platform.url, root, bench.platform.token, strategy, transport=transport)


def scanning(bench: Bench, checkout: Path, files: int) -> Iterator[Goal]:
    """`scan` against a process that reads, hashes and inserts the same in one transaction, and nothing else."""

    def floor() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = sqlite3.connect(f"{folder}/floor.db", isolation_level=None)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                database.execute(f"PRAGMA {pragma}")
            database.execute("CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, content BLOB)")
            database.execute("CREATE TABLE versions (id INTEGER PRIMARY KEY, path TEXT UNIQUE, sha256 TEXT)")
            database.execute("BEGIN")
            for file in sorted(checkout.rglob("*.py")):
                content = file.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                database.execute("INSERT INTO blobs VALUES (?, ?)", (digest, content))
                database.execute("INSERT INTO versions (path, sha256) VALUES (?, ?)", (str(file), digest))
            database.execute("COMMIT")
            database.close()

    with client_of(bench) as client:
        floors = [timed(floor) for _ in range(3)]
        seconds = timed(client.scan)
    facts = {"seconds": seconds, "floor_seconds": floors}
    yield Goal(f"scan and register {files:,} against the floor", seconds / middle(floors), 1.6, facts=facts)


def client_of(bench: Bench) -> ComponentClient:
    return ComponentClient(bench.platform.url, bench.platform.token)


def activating(bench: Bench, count: int) -> Iterator[Goal]:
    """Sets of `count` that were brought before, back and forth: by their numbers, and with every name in the request."""
    with client_of(bench) as client:
        paths = sorted(each["path"] for each in client.list_components())[:count]
        texts = ({path: f"# {side} of {path}\n" for path in paths} for side in ("one", "other"))
        records = [
            client.change([{"path": path, "content": text, "aliases": ["next"]} for path, text in side.items()])
            for side in texts
        ]
        named = [[{"path": each["path"], "hash": each["to_hash"]} for each in made["changes"]] for made in records]
        by_number, by_name = [], []
        wait_for_rest(bench)
        for _ in range(5):
            by_number += [timed(lambda made=made: client.activate_set(made["id"])) for made in records]
            by_name += [timed(lambda side=side: client.change(side)) for side in named]
    yield Goal(f"activate a set of {count:,} by its number", middle(by_number) * 1000, 5, "ms")
    yield Goal("the same, each named in the request and in the answer", middle(by_name) * 1000, 5, "ms")


def cold(bench: Bench, checkout: Path, files: int, rsync: Rsync | None) -> Iterator[Goal]:
    """Everything, in turns with git and rsync: as the first finds it after a scan and a commit, then as others do."""

    def clone(name: str) -> float:
        return timed(lambda: git(checkout, "clone", "-q", "--no-local", ".", f"{bench.folder}/clone-{name}"))

    git(checkout, "init", "-q")
    # Otherwise it begins to pack by itself, some time during the first clones.
    git(checkout, "config", "gc.auto", "0")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "all")
    first_clone = clone("first")
    git(checkout, "gc", "-q")
    ours, clones, copies = [], [], []
    for number in range(5):
        clones.append(clone(str(number)))
        if rsync is not None:
            copies.append(timed(lambda n=number: rsync.fetch(bench.folder / f"copy-{n}")))
        network = Delayed()
        manager = manager_of(bench, bench.folder / f"cold-{number}", network)
        ours.append(timed(manager.sync_all))
        manager.close()
        network.close()
    facts = {"seconds": ours, "first_clone": first_clone, "clone": clones, "rsync": copies}
    first, later = ours[0], middle(ours[1:])
    yield Goal(
        f"cold, {files:,} files, the first that asks, against the first clone", first / first_clone, 0.35, facts=facts
    )
    yield Goal("the same, packed on both sides", later / middle(clones), 0.35, facts=facts)
    yield Goal("the first that asks, against git that has packed", first / middle(clones), None, facts=facts)
    if rsync is not None:
        yield Goal("cold, the first that asks, against an rsync daemon", first / middle(copies), 1.0, facts=facts)
        yield Goal("the same, packed", later / middle(copies), 1.0, facts=facts)
        yield Goal("the same: bytes on the wire against rsync's", network.received / rsync.received, 0.2)
    yield Goal("the same: bytes on the wire against the files'", network.received / size_of(checkout), 0.2)
    yield Goal("the same: requests", network.requests, 3, "")


def idle(bench: Bench, checkout: Path) -> Iterator[Goal]:
    """Nothing to do, in turns with git."""
    root = bench.folder / "cold-0"
    manager = manager_of(bench, root)
    for _ in range(2):
        manager.sync_all()
    command = [sys.executable, "-c", FRESH, bench.platform.url, str(root), bench.platform.token]
    statuses, residents, fresh = [], [], []
    for _ in range(9):
        statuses.append(timed(lambda: git(checkout, "status", "--porcelain")))
        residents += [timed(manager.sync_all) for _ in range(3)]
        fresh.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    manager.close()
    status = middle(statuses)
    facts = {"git_status_ms": status * 1000, "resident_ms": middle(residents) * 1000, "fresh_ms": middle(fresh) * 1000}
    yield Goal("nothing to do, resident, against git status", middle(residents) / status, 0.05, facts=facts)
    yield Goal(
        "nothing to do, a fresh process's full pass, against git status", middle(fresh) / status, 1.5, facts=facts
    )


def far_away(bench: Bench) -> Iterator[Goal]:
    """One of all was changed, and every request takes 300 ms to arrive."""
    far = Delayed(0.3)
    manager = manager_of(bench, bench.folder / "cold-0", far)
    with client_of(bench) as client:
        client.upload(path_of(0), text_of(0, 99))
    yield Goal("10,000 digests, 300 ms away", timed(manager.sync_all), 1.2, "s", facts={"requests": far.requests})
    manager.close()
    far.close()


def one_in_a_hundred(bench: Bench, checkout: Path, files: int, rsync: Rsync | None) -> Iterator[Goal]:
    """One percent changed: in one request, one by one, and by rsync."""
    changed = range(0, files, 100)
    manager = manager_of(bench, bench.folder / "cold-0")
    manager.sync_all()
    manager.sync_all()
    batch, single, copied = [], [], []

    def one_by_one() -> None:
        hashes = {each["path"]: each["active_hash"] for each in client.list_components()}
        for n in changed:
            content = client.get_version(hashes[path_of(n)], path_of(n))["content"]
            (bench.folder / "single.py").write_text(content)

    with client_of(bench) as client:
        for version in range(1, 8):
            client.change([{"path": path_of(n), "content": text_of(n, version)} for n in changed])
            batch.append(timed(manager.sync_all))
            single.append(timed(one_by_one))
            if rsync is not None:
                write_files(checkout, changed, version)
                copied.append(timed(lambda: rsync.fetch(bench.folder / "copy-0")))
    manager.close()
    facts = {"batch": batch, "single": single, "rsync": copied}
    yield Goal("1 % changed: faster than one request per file", middle(single) / middle(batch), 25, "x", True, facts)
    if rsync is not None:
        yield Goal("1 % changed, against an rsync daemon", middle(batch) / middle(copied), 0.5, facts=facts)


def size_of(checkout: Path) -> int:
    return sum(file.stat().st_size for file in checkout.rglob("*.py"))


def history(bench: Bench) -> Iterator[Goal]:
    """100 components of 20 versions each: the store's contents against a packed repository's."""
    sets = histories(components=100, versions=20)
    with client_of(bench) as client:
        before = bytes_of_store(bench.database_url)
        for contents in sets:
            client.change([{"path": path, "content": text} for path, text in contents.items()])
        stored = bytes_of_store(bench.database_url) - before
    packed = bytes_of_git(bench.folder / "history", sets)
    facts = {"stored": stored, "git": packed, "raw": sum(len(text) for each in sets for text in each.values())}
    yield Goal("history: bytes of contents against git gc --aggressive", stored / packed, 1.1, facts=facts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name:
        checkout = Path(name) / "checkout"
        write_tree(checkout, given.files)
        os.environ["SYNAPSE_SERVER_COMPONENT_ROOT"] = str(checkout)
        with open_bench(Path(name)) as bench:
            goals = list(measured(bench, checkout, given.files))
    print_goals(goals, as_json=given.as_json)
    # What runs it beside others looks at this.
    sys.exit(any(goal.is_met is False for goal in goals))


def measured(bench: Bench, checkout: Path, files: int) -> Iterator[Goal]:
    yield from scanning(bench, checkout, files)
    yield from activating(bench, min(1000, files))
    with open_rsync(bench.folder, checkout) as rsync:
        yield from cold(bench, checkout, files, rsync)
        yield from idle(bench, checkout)
        yield from one_in_a_hundred(bench, checkout, files, rsync)
    yield from far_away(bench)
    yield from crowd(bench)
    yield from history(bench)


if __name__ == "__main__":
    main()
