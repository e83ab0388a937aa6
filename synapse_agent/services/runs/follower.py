"""Carries one run from its claim to its reported end, in a thread of its own.

Each phase is on disk before the next begins, so a restarted agent goes on where the last one was killed. The server may
be away at any time: what a run prints waits in its folder, and its end is told when the server is back.
"""

from __future__ import annotations

import codecs
import hashlib
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from synapse_agent.core.event_log import log_event
from synapse_agent.core.settings import Settings
from synapse_agent.engines.protocol import ConsoleChunk, Engine, RunExit
from synapse_agent.services.releases import ReleaseCache
from synapse_agent.services.runs.outcome import classify_outcome, failed, left_out
from synapse_agent.services.runs.planning import RESULT, SPOOL, WORK, Surroundings, plan_run
from synapse_agent.services.runs.store import Phase, RunFile, RunStore
from synapse_agent.services.server_link import ServerLink
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import (
    ClientError,
    ConfigurationError,
    ConflictError,
    HTTPError,
    NotFoundError,
    PluginError,
    ServerError,
    ValidationError,
)
from synapse_sdk.loggers import send_leftovers
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.agents import ConsolePart, ExitKind, RunEnding, RunReport, RunStart

LOOK_SECONDS = 0.25
CHUNK_BYTES = 256 * 2**10
CHUNKS_PER_LOOK = 8
MAX_RESULT_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Workshop:
    """What all runs of an agent share.

    Attributes:
        is_elsewhere: Whether the engine runs them on other machines.
    """

    settings: Settings
    store: RunStore
    engine: Engine
    link: ServerLink
    releases: ReleaseCache
    envs: Path
    agent_url: str
    is_elsewhere: bool = False


class JobGoneError(Exception):
    """The server has no such job any more, or it ended without this agent."""


class Follower:
    """One run."""

    def __init__(self, job_id: str, shop: Workshop, halt: threading.Event) -> None:
        self._shop, self._halt = shop, halt
        self._folder = shop.store.folder_of(job_id)
        run = shop.store.load(job_id)
        assert run is not None
        self._run: RunFile = run

    def follow(self) -> None:
        """Bring the run to its end; returns early, without harm, when the agent halts."""
        try:
            if self._run.phase == Phase.TAKEN and not self._has_begun():
                self._launch()
            while self._run.phase == Phase.STARTED and not self._halt.is_set():
                self._look()
            if self._run.phase == Phase.ENDED:
                self._deliver()
        except JobGoneError:
            self._abandon()

    def _has_begun(self) -> bool:
        # The agent was killed right after it had started the run. To take the job anew would end the key it runs with.
        if not self._shop.engine.was_started(self._folder):
            return False
        self._note_start()
        return True

    def _launch(self) -> None:
        start = self._ask_start()
        if start is None:
            return
        self._run.plugin, self._run.version, self._run.action = start.plugin, start.version, start.action
        try:
            self._start_processes(start)
        except (PluginError, ConfigurationError, ClientError, OSError) as exc:
            self._end(failed(ExitKind.RELEASE_UNUSABLE, f"{start.plugin}@{start.version} cannot be run: {_say(exc)}"))
            return
        self._note_start()

    def _note_start(self) -> None:
        self._run.phase, self._run.started = Phase.STARTED, datetime.now(UTC).isoformat()
        self._shop.store.save(self._run)
        log_event("run_started", job_id=self._run.job_id, plugin=self._run.plugin, version=self._run.version)

    def _ask_start(self) -> RunStart | None:
        while not self._halt.is_set():
            try:
                return self._shop.link.start(self._run.job_id)
            except (ConflictError, NotFoundError) as exc:
                raise JobGoneError from exc
            except ClientError:
                self._halt.wait(self._shop.settings.retry_seconds)
        return None

    def _start_processes(self, start: RunStart) -> None:
        work = self._folder / WORK
        if not work.exists():
            self._fetch(start, work)
        # The prefix is what messages are cleaned of.
        token = f"syn_{secrets.token_urlsafe(32)}"
        around = Surroundings(
            self._shop.settings, self._shop.envs, self._shop.agent_url, token, is_elsewhere=self._shop.is_elsewhere
        )
        planned = plan_run(start, self._folder, around)
        self._run.build_steps, self._run.limits = planned.build_steps, planned.limits
        self._run.token_hash = hashlib.sha256(token.encode()).hexdigest()
        self._shop.store.save(self._run)
        self._shop.engine.start(planned.plan)

    def _fetch(self, start: RunStart, work: Path) -> None:
        # Renamed when it is whole: an agent that is killed meanwhile begins anew.
        beside = self._folder / f"{WORK}.{secrets.token_hex(4)}"
        while not self._halt.is_set():
            try:
                self._shop.releases.unpack(start.archive_url, start.sha256, beside)
                beside.rename(work)
            except ClientError as exc:
                if isinstance(exc, HTTPError) and not isinstance(exc, ServerError):
                    raise
                self._halt.wait(self._shop.settings.retry_seconds)
            else:
                return
        raise ClientError(None, "the agent is being stopped")

    def _look(self) -> None:
        ended = self._shop.engine.poll(self._folder)
        try:
            self._send_console()
        except JobGoneError:
            raise
        except ClientError:
            if ended is None:
                self._halt.wait(self._shop.settings.retry_seconds)
        if ended is not None:
            self._note_end(ended)
        else:
            self._halt.wait(LOOK_SECONDS)

    def _note_end(self, ended: RunExit) -> None:
        result = self._folder / RESULT
        if result.exists() and result.stat().st_size > MAX_RESULT_BYTES:
            reason = f"Its result is larger than {MAX_RESULT_BYTES} bytes; keep it in a file or a storage."
            self._end(failed(ExitKind.NO_RESULT, reason))
            return
        left = result.read_bytes() if result.exists() else None
        self._end(classify_outcome(ended, left, build_steps=self._run.build_steps, limits=self._run.limits))

    def _end(self, ending: RunEnding) -> None:
        self._run.phase, self._run.ending = Phase.ENDED, ending.model_dump(mode="json")
        self._shop.store.save(self._run)
        log_event("run_ended", job_id=self._run.job_id, status=ending.status, exit_kind=ending.exit_kind)

    def _send_console(self, *, is_last: bool = False) -> None:
        for _ in range(CHUNKS_PER_LOOK if not is_last else 10_000):
            chunk = self._shop.engine.read_console(self._folder, self._run.sent_bytes, CHUNK_BYTES)
            part = _part_of(chunk, self._run.sent_bytes, is_last=is_last)
            if part is None:
                return
            self._report(RunReport(console=part))

    def _report(self, report: RunReport) -> None:
        try:
            state = self._shop.link.report(self._run.job_id, report)
        except NotFoundError as exc:
            raise JobGoneError from exc
        if state.stop_requested:
            self._shop.engine.request_stop(self._folder)
        sent = max(state.console_size, self._run.sent_bytes)
        if sent != self._run.sent_bytes:
            self._run.sent_bytes = sent
            self._shop.store.save(self._run)

    def _deliver(self) -> None:
        ending = RunEnding.model_validate(self._run.ending)
        while not self._halt.is_set():
            try:
                self._send_leftovers()
                self._send_console(is_last=True)
                self._report(RunReport(ending=ending))
            except ValidationError as exc:
                # What the server will never take must not keep the run from ending.
                reason = f"The server did not take how it ended ({exc.code}). {ending.error or ''}"
                if ending.result is None and ending.error == reason:
                    raise JobGoneError from exc
                ending = failed(ExitKind.NO_RESULT, reason, code=ending.exit_code)
                self._report_bare(ending)
                return self._shop.store.close(self._run.job_id)
            except JobGoneError:
                raise
            except ClientError:
                self._halt.wait(self._shop.settings.retry_seconds)
            else:
                return self._shop.store.close(self._run.job_id)
        return None

    def _report_bare(self, ending: RunEnding) -> None:
        try:
            self._report(RunReport(ending=ending))
        except ClientError as exc:
            raise JobGoneError from exc

    def _send_leftovers(self) -> None:
        """Entries that the run could not send itself, because the server was away when it ended."""
        spool = self._folder / SPOOL
        if not spool.exists() or not any(spool.glob("*.jsonl")):
            return
        try:
            start = self._shop.link.start(self._run.job_id)
        except ConflictError:
            return
        with BackendClient(self._shop.settings.server_url, start.token) as client:
            for _ in send_leftovers(client, spool):
                pass

    def _abandon(self) -> None:
        """End what runs for a job that is gone, then forget it."""
        log_event("run_abandoned", job_id=self._run.job_id)
        self._shop.engine.request_stop(self._folder)
        if self._run.phase == Phase.STARTED:
            while self._shop.engine.poll(self._folder) is None and not self._halt.wait(LOOK_SECONDS):
                pass
        if not self._halt.is_set():
            self._shop.store.forget(self._run.job_id)


def _part_of(chunk: ConsoleChunk, sent: int, *, is_last: bool) -> ConsolePart | None:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    # PostgreSQL keeps no NUL.
    text = decoder.decode(chunk.data, final=is_last).replace("\0", "\N{REPLACEMENT CHARACTER}")
    size = len(chunk.data) - len(decoder.getstate()[0])
    if not size:
        return None
    if chunk.position > sent:
        text = f"\n{left_out(chunk.position - sent)}\n{text}"
    return ConsolePart(position=chunk.position, size_bytes=size, text=text)


def _say(exc: Exception) -> str:
    if isinstance(exc, ClientError):
        return f"its archive could not be fetched ({exc.code})"
    if isinstance(exc, OSError):
        return sanitize_error_message(exc.strerror or str(exc))
    return str(exc)
