"""Carrying out a run from this terminal: here, in an actor of a Ray cluster, or as a job of one.

With a login the server keeps the run: its progress and metrics, what it logs and prints, its result. Whoever sees it
there may stop it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import TextIOBase
from typing import Any
from uuid import uuid4

from synapse_sdk.cli.runs.booking import BookedRun
from synapse_sdk.cli.runs.display import RunDisplay
from synapse_sdk.cli.runs.following import LOOK_SECONDS
from synapse_sdk.cli.runs.view import ServerView
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError, PluginRunError, SynapseError
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.ray import RayActorExecutor, RayJobsApiExecutor
from synapse_sdk.plugins.runner import PluginProcess
from synapse_sdk.utils.auth import Credentials, create_backend_client
from synapse_sdk.wire.jobs import JobStatus

LINE_BYTES = 65_536
JOIN_SECONDS = 5.0
# Ray brings what an actor prints through files and a process that looks into them; one that died brings no end.
LAST_LINES_SECONDS = 10.0

Print = Callable[[str], None]


@dataclass(frozen=True)
class Carrier:
    """Something that runs an action, and can stop it.

    Attributes:
        run: Runs it, given where its output goes and the id of its job, and answers its result; takes its time.
        stop: Ends it, from another thread.
    """

    run: Callable[[Print, str | None], Any]
    stop: Callable[[], object]


class RunStoppedError(PluginRunError):
    """The run was stopped from elsewhere."""

    code = "PLUGIN_RUN_STOPPED"


def carry_out(action: str, params: Mapping[str, Any], carrier: Carrier, credentials: Credentials) -> Any:
    """Run an action and show it; with a key, keep it on the server.

    Raises:
        RunStoppedError: It was stopped on the server.
        PluginError: It failed.
    """
    with ExitStack() as stack:
        display = stack.enter_context(RunDisplay())
        key = credentials.access_token
        client = stack.enter_context(create_backend_client(credentials)) if key else None
        booked = _book(client, action, params, (display, key)) if client and key else None
        if booked is None or client is None:
            return _wait_for(lambda: carrier.run(display.console, None), carrier.stop, lambda: None)
        display.say(f"Job {booked.id}. Ctrl-C stops it; so does, from anywhere: synapse job stop {booked.id}")
        view = ServerView(client, booked.id, display, shows_console=False)
        try:
            run = lambda: carrier.run(booked.print, booked.id)  # noqa: E731 - two callables of one line.
            result = _wait_for(run, carrier.stop, lambda: _watch(booked, view))
        except (KeyboardInterrupt, RunStoppedError):
            _end(booked, display, JobStatus.STOPPED)
            raise
        except SynapseError as exc:
            _end(booked, display, JobStatus.FAILED, error=str(exc))
            raise
        else:
            _end(booked, display, _status_of(result), result=result)
            return result
        finally:
            view.look()


def here(process: PluginProcess, action: str, params: Mapping[str, Any], env: Mapping[str, str]) -> Carrier:
    """A child process of this machine."""
    stops: list[Callable[[], None]] = []

    def run(show: Print, job_id: str | None) -> Any:
        with _pipe(show) as console:
            executor = process.executor(action, env=env, job_id=job_id, console=console)
            stops.append(executor.stop)
            return executor.execute(process.plugin.get_action_entrypoint(action), params)

    return Carrier(run, lambda: [stop() for stop in stops])


def in_ray_actor(target: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> Carrier:
    """An actor of a Ray cluster, which belongs to this process."""
    executor = RayActorExecutor(**options)
    mark = f"__SYNAPSE_END_{uuid4().hex}__"
    streams: list[_Lines] = []

    def run(show: Print, job_id: str | None) -> Any:
        out, err = _Lines(show, mark), _Lines(show, mark)
        streams.extend((out, err))
        # Ray prints what its workers print, from a thread of its own, which leaving the cluster ends.
        with redirect_stdout(out), redirect_stderr(err), executor:
            try:
                return executor.execute(target, params, job_id=job_id, end_mark=mark)
            finally:
                for stream in streams:
                    stream.ended.wait(LAST_LINES_SECONDS)

    def stop() -> None:
        executor.stop()
        # One that is killed says nothing more.
        for stream in streams:
            stream.ended.set()

    return Carrier(run, stop)


def as_ray_job(target: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> Carrier:
    """A job of a Ray cluster, which would go on without this process."""
    executor = RayJobsApiExecutor(**options)
    started: list[str] = []

    def run(show: Print, job_id: str | None) -> Any:
        started.append(executor.submit(target, params, job_id=job_id))
        lines = _Lines(show)
        for text in executor.stream_logs(started[0], timeout=threading.TIMEOUT_MAX):
            lines.write(text)
        return executor.get_result(started[0])

    return Carrier(run, lambda: [executor.stop(job) for job in started])


def _book(
    client: BackendClient, action: str, params: Mapping[str, Any], shown: tuple[RunDisplay, str]
) -> BookedRun | None:
    display, key = shown
    try:
        return BookedRun(client, action, params, show=display.console, key=key)
    except ClientError as exc:
        text = f"Warning: the server does not keep this run ({type(exc).__name__}); it is only shown here."
        display.say(text, style="yellow")
        return None


def _watch(booked: BookedRun, view: ServerView) -> None:
    booked.send_console()
    job = view.look()
    if job is not None and JobStatus(job["status"]) is JobStatus.STOPPED:
        raise RunStoppedError(f"Job {booked.id} was stopped.")


def _wait_for(run: Callable[[], Any], stop: Callable[[], object], watch: Callable[[], None]) -> Any:
    with ThreadPoolExecutor(1, "synapse-run") as pool:
        running: Future[Any] = pool.submit(run)
        try:
            while not wait([running], LOOK_SECONDS).done:
                watch()
        except BaseException:
            stop()
            while not wait([running], LOOK_SECONDS).done:
                # It had not begun when it was stopped.
                stop()
            raise
    return running.result()


def _end(
    booked: BookedRun, display: RunDisplay, status: JobStatus, *, result: Any = None, error: str | None = None
) -> None:
    try:
        booked.end(status, result=result, error=error)
    except ClientError as exc:
        text = f"Warning: the server did not take how job {booked.id} ended ({type(exc).__name__})."
        display.say(text, style="yellow")


def _status_of(result: Any) -> JobStatus:
    says_failed = isinstance(result, dict) and str(result.get("status", "")).lower() == JobStatus.FAILED
    return JobStatus.FAILED if says_failed else JobStatus.SUCCEEDED


@contextmanager
def _pipe(show: Print) -> Iterator[int]:
    """A file descriptor whose lines are shown; at the end, those that have come by then."""
    reading, writing = os.pipe()
    reader = threading.Thread(target=_read, args=(reading, show), name="synapse-console", daemon=True)
    reader.start()
    try:
        yield writing
    finally:
        os.close(writing)
        # A child that outlives the run may hold the other end.
        reader.join(JOIN_SECONDS)


def _read(descriptor: int, show: Print) -> None:
    with os.fdopen(descriptor, "rb") as stream:
        while line := stream.readline(LINE_BYTES):
            show(line.decode(errors="replace"))


class _Lines(TextIOBase):
    """A stream whose lines are shown, but for the result that a Ray job prints between its markers, and the end mark.

    Attributes:
        ended: Set when the end mark has come.
    """

    def __init__(self, show: Print, end_mark: str | None = None) -> None:
        self._show, self._rest, self._is_result = show, "", False
        self._end_mark, self.ended = end_mark, threading.Event()

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if self._end_mark is not None and self._end_mark in line:
                self.ended.set()
                continue
            self._is_result = self._is_result or job_protocol.RESULT_START in line
            if not self._is_result:
                self._show(f"{line}\n")
            if job_protocol.RESULT_END in line:
                self._is_result = False
        return len(text)
