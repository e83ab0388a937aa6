"""Payloads behind links: `python -m tests.bench.presigned [--payloads 1000] [--rounds 3]`.

A real HTTP server in a process of its own answers after 50 ms, and every hundredth request with 503. The bound is what
the connections carry when nothing ever goes wrong: payloads x round trip / connections. Bare sockets, as many as there
are connections, measure it in turn with the export, because a busy machine makes every round trip longer; the other rows
say what the export reaches of the bound on paper. The export's client fetches in one pass over bulk answers, each of
which takes a round trip too, and compares every payload with its SHA-256. Of 1,000 requests
the last ones meet a 503 too, whose repetition is waited for alone: up to half a second, 3 to 5 % of a round.
"""

import argparse
import asyncio
import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import msgspec

from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.plugins.actions.export.sources.bulk import BulkRows
from tests.bench.goals import Goal, middle, print_goals
from tests.bench.items import drawn_texts

ROUND_TRIP_SECONDS = 0.05
EVERY_FAULT = 100
LEAST_SHARE = 0.9


class Store:
    """Answers `GET /N` with payload number N, late, and now and then not at all; `GET /sound/N` late, but always."""

    def __init__(self) -> None:
        self._texts = drawn_texts()
        self._asked = 0

    async def serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(ROUND_TRIP_SECONDS)
                folder, _, number = head.split(b" ", 2)[1].rpartition(b"/")
                writer.write(self._answer(int(number), is_sound=bool(folder)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, number: int, *, is_sound: bool) -> bytes:
        self._asked += not is_sound
        if not is_sound and self._asked % EVERY_FAULT == 0:
            return b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        body = self._texts[number % len(self._texts)]
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def fetch_all(port: int, count: int, settings: ExportSettings) -> float:
    """Seconds that all payloads took; each is compared with what it should be."""
    texts = drawn_texts()
    digests = [hashlib.sha256(text).hexdigest() for text in texts]

    def bulk(ids: Sequence[int]) -> list[dict[str, Any]]:
        time.sleep(ROUND_TRIP_SECONDS)
        return [
            {
                "id": number,
                "data": {
                    "mode": "presigned",
                    "presigned_url": f"http://127.0.0.1:{port}/{number}",
                    "sha256": digests[number % len(digests)],
                },
            }
            for number in ids
        ]

    with httpx2.Client(trust_env=False) as http:
        started = time.perf_counter()
        rows = BulkRows(bulk, settings, 0.0, http=http).rows(range(1, count + 1))
        for number, row in enumerate(rows, 1):
            assert row["id"] == number, f"{row['id']} came where {number} was due"
            assert row["data"] == msgspec.json.decode(texts[number % len(texts)])
        assert number == count, f"{number} of {count} came"
        return time.perf_counter() - started


def carry_all(port: int, count: int, connections: int) -> float:
    """Seconds that bare sockets take for as many payloads, none of which is refused."""

    def carry(first: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
            for number in range(first, count, connections):
                connection.sendall(b"GET /sound/%d HTTP/1.1\r\n\r\n" % number)
                answers.readline()
                size = int(answers.readline().split(b":")[1])
                answers.readline()
                assert len(answers.read(size)) == size

    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(carry, range(connections)))
    return time.perf_counter() - started


def presigned(count: int, parallelisms: Sequence[int], rounds: int) -> Iterator[Goal]:
    command = [sys.executable, "-m", "tests.bench.presigned", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            for parallelism in parallelisms:
                settings = ExportSettings(download_parallelism=parallelism)
                pairs = [(carry_all(port, count, parallelism), fetch_all(port, count, settings)) for _ in range(rounds)]
                yield from goals_of(pairs, count, parallelism)
        finally:
            server.terminate()


def goals_of(pairs: Sequence[tuple[float, float]], count: int, parallelism: int) -> Iterator[Goal]:
    on_paper = count * ROUND_TRIP_SECONDS / parallelism
    bare, ours = (middle(seconds) for seconds in zip(*pairs, strict=True))
    facts = {"payloads": count, "bare_seconds": bare, "seconds": ours, "seconds_on_paper": on_paper}
    share = middle(bare / seconds for bare, seconds in pairs)
    what = f"{parallelism} connections: share of"
    yield Goal(f"{what} the bound", share, LEAST_SHARE, is_at_least=True, facts=facts)
    yield Goal(f"{what} the bound on paper", on_paper / ours, None)
    yield Goal(f"{what} the bound on paper, bare sockets", on_paper / bare, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payloads", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parallelism", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(Store().serve())
    goals = list(presigned(options.payloads, options.parallelism, options.rounds))
    print_goals(goals, as_json=options.as_json)
    sys.exit(any(goal.is_met is False for goal in goals))


if __name__ == "__main__":
    main()
