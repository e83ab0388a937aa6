"""A thousand watchers of one job: `python -m tests.bench.watchers [--watchers 1000] [--seconds 20]`.

A real server process; every watcher is a connection of its own that hangs up at random and comes back with
`Last-Event-ID`. Lag is the time from the commit of a change until a watcher has read an event that is at least as
new. The server reads a job's state four times a second, which is an eighth of a second on average.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles
from urllib.parse import urlsplit

import msgspec

from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.bench.goals import Goal, print_goals
from tests.bench.measure import cpu_of_tree
from tests.bench.platform import Bench, open_bench
from web_helper.backend.core.database import Database
from web_helper.backend.models import AsyncJob
from web_helper.backend.queries import async_jobs

MOST_LAG_SECONDS = 1.0
CHANGE_SECONDS = 0.5
# Out of a hundred events, so many end with the watcher hanging up.
HANG_UPS = 3
TOTAL = 1_000_000


@dataclass
class Run:
    """One job, when each of its revisions was committed, and what the watchers saw."""

    address: tuple[str, int]
    token: str
    job_id: str
    committed: dict[int, float] = field(default_factory=dict)
    seen: list[tuple[int, float]] = field(default_factory=list)
    connections: int = 0
    faults: list[str] = field(default_factory=list)
    completed: int = 0
    watching: set[int] = field(default_factory=set)
    all_connected: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lags(self) -> list[float]:
        """From each commit to each watcher's event: one may be read before it is noted when it was committed."""
        return [at - self.committed[revision] for revision, at in self.seen if revision in self.committed]


async def watch(run: Run, number: int, watchers: int) -> None:
    """Follow the job to its end, over as many connections as it takes."""
    chance, last, processed = random.Random(number), -1, 0
    while True:
        run.connections += 1
        reader, writer = await asyncio.open_connection(*run.address)
        try:
            writer.write(_request(run, last))
            async for event_id, name, body in _events(reader):
                if event_id <= last and name == "progress":
                    run.faults.append(f"event {event_id} after {last}")
                if body["processed"] < processed:
                    run.faults.append(f"progress fell from {processed} to {body['processed']}")
                # A change that was overtaken by a newer one counts too: it is seen with it.
                run.seen += [(each, time.monotonic()) for each in range(max(last, 0) + 1, event_id + 1)]
                last, processed = event_id, body["processed"]
                run.watching.add(number)
                if len(run.watching) == watchers:
                    run.all_connected.set()
                if name == "completed":
                    run.completed += 1
                    return
                if event_id > 0 and chance.randrange(100) < HANG_UPS:
                    break
        finally:
            writer.close()


def _request(run: Run, last: int) -> bytes:
    lines = [
        f"GET /v2/async-jobs/{run.job_id}/progress/ HTTP/1.1",
        f"Host: {run.address[0]}",
        f"Authorization: Token {run.token}",
        *([f"Last-Event-ID: {last}"] if last >= 0 else []),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _events(reader: asyncio.StreamReader):
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode().splitlines()[0])
    event: dict[bytes, bytes] = {}
    while line := await reader.readline():
        name, mark, value = line.rstrip(b"\r\n").partition(b": ")
        if mark and name in {b"id", b"event", b"data"}:
            event[name] = value
        elif b"data" in event and not line.strip():
            yield int(event[b"id"]), event[b"event"].decode(), msgspec.json.decode(event[b"data"])
            event = {}


def change(run: Run, database: Database, seconds: float) -> None:
    """Move the job on, as a worker does, and end it."""
    until, done = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        done += 1000
        with database.write() as session:
            async_jobs.record_progress(session, run.job_id, 1, done)
        _note(run, database)
        time.sleep(CHANGE_SECONDS)
    with database.write() as session:
        async_jobs.end_attempt(session, run.job_id, 1, async_jobs.JobEnd(AsyncJobStatus.SUCCEEDED, TOTAL, None))
    _note(run, database)


def _note(run: Run, database: Database) -> None:
    now = time.monotonic()
    with database.read() as session:
        run.committed[async_jobs.read_states(session, [run.job_id])[0].revision] = now


async def measure(run: Run, database: Database, watchers: int, seconds: float) -> None:
    tasks = [asyncio.create_task(watch(run, number, watchers)) for number in range(watchers)]
    await run.all_connected.wait()
    await asyncio.to_thread(change, run, database, seconds)
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks)


def watchers(bench: Bench, count: int, seconds: float) -> Iterator[Goal]:
    url = urlsplit(bench.platform.url)
    run = Run((url.hostname or "", url.port or 80), bench.platform.token, str(uuid.uuid4()))
    database = Database(bench.database_url)
    with database.write() as session:
        session.add(AsyncJob(id=run.job_id, kind="watched", params={}, status=AsyncJobStatus.RUNNING, attempt=1))
    before = cpu_of_tree(bench.servers["server"])
    started = time.monotonic()
    # The job is ours to move: the worker would rightly find that nobody runs it.
    os.kill(bench.servers["worker"], signal.SIGSTOP)
    try:
        asyncio.run(measure(run, database, count, seconds))
    finally:
        os.kill(bench.servers["worker"], signal.SIGCONT)
    wall = time.monotonic() - started
    database.dispose()
    assert not run.faults, run.faults[:5]
    assert run.completed == count, f"{run.completed} of {count} watchers saw the end"
    lags = run.lags
    cuts = quantiles(lags, n=100)
    facts = {"events": len(lags), "connections": run.connections, "p50": cuts[49], "max": max(lags)}
    yield Goal(f"{count:,} watchers, lag p99", cuts[98], MOST_LAG_SECONDS, "s", facts=facts)
    yield Goal("lag p50", cuts[49], None, "s")
    yield Goal("connections made", run.connections, None, "")
    yield Goal("server's CPU per second", (cpu_of_tree(bench.servers["server"]) - before) / wall, None, "s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    with open_bench() as bench:
        goals = list(watchers(bench, options.watchers, options.seconds))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
