"""Runs as the agent's own API shows them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from synapse_agent.engines.protocol import ConsoleChunk, Engine
from synapse_agent.services.runs.outcome import left_out
from synapse_agent.services.runs.store import Phase, RunFile, RunStore
from synapse_sdk.wire.agents import ExitKind, RunRecord
from synapse_sdk.wire.jobs import JobStatus

CHUNK_BYTES = 64 * 2**10
_JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ConsoleLine(NamedTuple):
    """A line that a run printed.

    Attributes:
        position: Bytes that were printed up to its end: where to go on after it.
    """

    position: int
    text: str


class RunHistory:
    """Reads what the runs left on disk.

    Args:
        store: The runs.
        engine: Reads what they printed.
    """

    def __init__(self, store: RunStore, engine: Engine) -> None:
        self._store, self._engine = store, engine

    def list(self) -> list[RunRecord]:
        """Runs that go on, then those that are over and still kept."""
        # One that ends meanwhile is found in both places.
        runs = {run.job_id: run for run in (*self._store.all(), *self._store.ended())}
        return [_record_of(run) for run in runs.values()]

    def find(self, job_id: str) -> RunRecord | None:
        """One run; None when it is not here."""
        found = self._find(job_id)
        return _record_of(found[0]) if found else None

    def read_lines(self, job_id: str, position: int) -> tuple[ConsoleLine, ...]:
        """What a run printed from a position on, to the end of a line where there is one."""
        found = self._read(job_id, position)
        if found is None:
            return ()
        run, folder, chunk = found
        data = chunk.data[: chunk.data.rfind(b"\n") + 1]
        if not data and len(chunk.data) == CHUNK_BYTES:
            data = _whole_characters(chunk.data)
        elif not data and self._is_last(run, folder, chunk):
            data = chunk.data
        is_cut = bool(data) and chunk.position > position
        lines = [ConsoleLine(chunk.position, left_out(chunk.position - position))] if is_cut else []
        at = chunk.position
        for line in data.splitlines(keepends=True):
            at += len(line)
            lines.append(ConsoleLine(at, line.rstrip(b"\r\n").decode(errors="replace")))
        return tuple(lines)

    def _is_last(self, run: RunFile, folder: Path, chunk: ConsoleChunk) -> bool:
        end = chunk.position + len(chunk.data)
        return run.phase == Phase.ENDED or self._engine.read_console(folder, end, 1).position > end

    def console(self, job_id: str) -> str:
        """All that is kept of what a run printed."""
        parts, position = [], 0
        while (found := self._read(job_id, position)) is not None and (chunk := found[2]).data:
            parts.append(chunk.data)
            position = chunk.position + len(chunk.data)
        return b"".join(parts).decode(errors="replace")

    def _read(self, job_id: str, position: int) -> tuple[RunFile, Path, ConsoleChunk] | None:
        """A run, its folder, and what it printed from a position on."""
        while (found := self._find(job_id)) is not None:
            chunk = self._engine.read_console(found[1], position, CHUNK_BYTES)
            # A run that is over is moved: nothing is where it was, though it has printed something.
            if chunk.data or (again := self._find(job_id)) is None or again[1] == found[1]:
                return *found, chunk
        return None

    def _find(self, job_id: str) -> tuple[RunFile, Path] | None:
        # It becomes a part of a path.
        return self._store.find(job_id) if _JOB_ID.fullmatch(job_id) else None


def _whole_characters(data: bytes) -> bytes:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    decoder.decode(data)
    return data[: len(data) - len(decoder.getstate()[0])]


def _record_of(run: RunFile) -> RunRecord:
    ending = run.ending or {}
    return RunRecord(
        id=run.job_id,
        plugin=run.plugin or None,
        version=run.version or None,
        action=run.action or None,
        status=JobStatus(ending["status"]) if ending else JobStatus.RUNNING,
        phase=run.phase,
        exit_kind=ExitKind(ending["exit_kind"]) if ending else None,
        exit_code=ending.get("exit_code"),
        error=ending.get("error"),
        result=ending.get("result"),
        started=run.started or None,
    )
