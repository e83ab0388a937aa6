"""An export as one stream of lines: rows from one snapshot, each with the token that takes the stream up after it.

Nothing runs ahead of the client: whoever sends the blocks asks for the next one when the last is gone, so memory holds
one batch of rows and one block, whatever the number of rows.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass

from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from synapse_sdk.wire.bundle import ExportTarget
from web_helper.backend.core.database import Database, interrupter_of
from web_helper.backend.core.event_log import log_event
from web_helper.backend.core.problems import TooManyProblem, ValidationProblem
from web_helper.backend.queries.export_rows import EXPORT_SOURCES, UnitFile, export_line, read_rows, select_target
from web_helper.backend.services.call import Call
from web_helper.backend.services.exports.export_marks import MarkedExport
from web_helper.backend.services.exports.export_wish import ExportWish, settle_wish
from web_helper.backend.services.exports.packing import Packing, pack

BLOCK_BYTES = 64 * 1024
# What a client that takes nothing keeps from others: a batch, what zstd looks back, and the pages of a `pass_through`.
# Rows are found as cheaply as by 500, and packed as well as with zstd's own 512 KiB.
ROWS_PER_BATCH = 250
WINDOW_LOG = 17
_TOKEN = re.compile(r"([0-9a-f]{16})-(\d{1,18})")


@dataclass(frozen=True)
class StreamPlan:
    """What one stream gives: checked, and free of the request's transaction."""

    target: ExportTarget
    project: int
    filter: dict[str, JsonValue]
    # A token of another export must not be taken for one of this.
    fingerprint: str
    after_id: int


def plan_stream(call: Call, wish: ExportWish, after: str | None) -> StreamPlan:
    """Check everything that can be refused, before a byte is sent.

    Raises:
        ValidationProblem: A filter is not the target's, or the token is not one of this export's.
        PermissionProblem: The caller may not export from the project.
    """
    project, document = settle_wish(call, wish)
    fingerprint = MarkedExport(wish.target, project, document).fingerprint(call.session)
    return StreamPlan(wish.target, project, document, fingerprint, _id_in(after, fingerprint))


class StreamSlots:
    """How many streams a process serves at once: each costs the database something for as long as its client reads."""

    def __init__(self, count: int, what: str) -> None:
        self._count, self._what = count, what
        self._lock = threading.Lock()
        self.taken = 0

    def take(self) -> None:
        """Take a place.

        Raises:
            TooManyProblem: All are taken.
        """
        with self._lock:
            if self.taken == self._count:
                raise TooManyProblem(f"{self._count} {self._what} are open, which is all that this server gives; wait.")
            self.taken += 1

    def give_back(self) -> None:
        """Let somebody else have the place."""
        with self._lock:
            self.taken -= 1


@dataclass(frozen=True)
class StreamEnd:
    """What a stream came to; `size_bytes` as they left, packed or not."""

    rows: int
    size_bytes: int
    seconds: float


class ExportStream:
    """One client's stream. The caller pulls blocks from any thread, one after the other, and closes it in any case."""

    def __init__(
        self,
        database: Database,
        plan: StreamPlan,
        base_url: str,
        *,
        slots: StreamSlots,
        on_end: Callable[[StreamEnd], None],
        packing: Packing | None = None,
    ) -> None:
        self._database, self._plan = database, plan
        self._base_url = base_url.rstrip("/")
        self._slots, self._on_end = slots, on_end
        # The connection stays until an interruption of it is over.
        self._lock = threading.Lock()
        self._interrupt: Callable[[], None] | None = None
        self._is_gone = False
        self._rows = self._bytes = 0
        self._begun = time.monotonic()
        blocks = self._blocks()
        self._chunks = pack(blocks, packing, window_log=WINDOW_LOG) if packing else blocks
        slots.take()

    def next_block(self) -> bytes | None:
        """The next bytes of the body; None at the end."""
        try:
            block = next(self._chunks, None)
        except DBAPIError:
            if self._is_gone:
                return None
            raise
        self._bytes += len(block or b"")
        return block

    def interrupt(self) -> None:
        """The client has gone: end the statement that is running, from another thread."""
        with self._lock:
            self._is_gone = True
            if self._interrupt is not None:
                self._interrupt()

    def close(self) -> None:
        """Give the snapshot back; the stream is not used any more."""
        try:
            self._chunks.close()
        finally:
            self._slots.give_back()
        end = StreamEnd(self._rows, self._bytes, time.monotonic() - self._begun)
        self._on_end(end)
        log_event("export_stream_ended", project=self._plan.project, target=self._plan.target.value, **asdict(end))

    def _blocks(self) -> Generator[bytes, None, None]:
        with self._database.pass_through() as session:
            self._interrupt = interrupter_of(session)
            try:
                yield from _joined(self._lines(session))
            finally:
                with self._lock:
                    self._interrupt = None
                if self._is_gone:
                    # A late interruption must not reach the connection's next user.
                    session.invalidate()

    def _lines(self, session: Session) -> Iterator[bytes]:
        plan, last_id = self._plan, self._plan.after_id
        source, selection = EXPORT_SOURCES[plan.target], select_target(plan.target, plan.filter, viewer_id=None)
        mark = plan.fingerprint.encode()
        while rows := read_rows(session, source, selection, after_id=last_id, limit=ROWS_PER_BATCH):
            for row in rows:
                yield b'{"token":"%b-%d","row":%b}\n' % (mark, row.id, export_line(row, self._url_of))
                self._rows += 1
            last_id = rows[-1].id
        yield b'{"token":"%b-%d","end":{"rows":%d}}\n' % (mark, last_id, self._rows)

    def _url_of(self, file: UnitFile) -> str:
        return f"{self._base_url}/data_files/{file.data_file_id}/content/"


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    yield bytes(block)


def _id_in(token: str | None, fingerprint: str) -> int:
    if token is None:
        return 0
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ValidationProblem.of_field("after", "is not a token of an export stream.")
    if match.group(1) != fingerprint:
        raise ValidationProblem.of_field("after", "is a token of another export: target and filters must be the same.")
    return int(match.group(2))
