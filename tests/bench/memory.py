"""Peak memory of each process: `python -m tests.bench.memory [--items 10000 100000]`.

At rest, during a delegated export to COCO, while a stream of the same rows is read, and while readers of such a stream
take nothing. The goal is that of the design:
128 MB at any size, growing by at most one megabyte per million items; the noise of an allocator is a few megabytes.
"""

import argparse
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlencode, urlsplit

from synapse_sdk.clients.backend_v2 import BackendV2Client
from tests.bench.goals import Goal, print_goals
from tests.bench.measure import Watch
from tests.bench.platform import PROJECT, Bench, open_bench

MOST_MB, IDLE_MB = 128, 100
SETTLE_SECONDS = 3
STALLED_READERS, STALL_SECONDS = 6, 5


def memory(bench: Bench, counts: list[int]) -> Iterator[Goal]:
    """Goals for every process of the platform and for the command."""
    time.sleep(SETTLE_SECONDS)
    record = bench.platform.home.running()
    assert record is not None
    with Watch(record.children) as watch:
        idle = watch.look()
    yield from (Goal(f"{name}, at rest", peak, IDLE_MB, "MB") for name, peak in idle.items())
    for count in counts:
        bench.fill(count)
        exported = bench.export("coco", f"coco-{count}")
        for name, peak in exported.peaks.items():
            yield Goal(f"{name}, exporting {count:,}", peak, MOST_MB, "MB")
        for name, peak in _stream(bench, count).items():
            yield Goal(f"{name}, streaming {count:,}", peak, MOST_MB, "MB")
        yield Goal(f"server, {STALLED_READERS} readers of {count:,} that stall", _stall(bench), MOST_MB, "MB")


def _stream(bench: Bench, count: int) -> dict[str, float]:
    with (
        Watch({"server": bench.servers["server"]}) as watch,
        BackendV2Client(bench.platform.url, access_token=bench.platform.token) as client,
    ):
        rows = sum(1 for _ in client.exports.stream(target="task", project=_project_id(client)))
    assert rows == count, f"{rows} of {count} rows came"
    return watch.peaks


def _stall(bench: Bench) -> float:
    """The server's peak while readers have asked for a stream and take nothing of it."""
    with BackendV2Client(bench.platform.url, access_token=bench.platform.token) as client:
        query = urlencode({"target": "task", "project": _project_id(client)})
    head = [
        f"GET /v2/exports/stream/?{query} HTTP/1.1",
        f"Host: {urlsplit(bench.platform.url).netloc}",
        f"Authorization: Token {bench.platform.token}",
        "Accept-Encoding: zstd",
    ]
    with Watch({"server": bench.servers["server"]}) as watch, ExitStack() as readers:
        for _ in range(STALLED_READERS):
            reader = readers.enter_context(socket.create_connection(_address_of(bench.platform.url)))
            # What waits in the kernel is not the server's.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall("\r\n".join([*head, "", ""]).encode())
        time.sleep(STALL_SECONDS)
    return watch.peaks["server"]


def _address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _project_id(client: BackendV2Client) -> int:
    found: int = next(row["id"] for row in client.projects.list() if row["name"] == PROJECT)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with open_bench() as bench:
        goals = list(memory(bench, sorted(options.items)))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
