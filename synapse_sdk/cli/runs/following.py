"""Following a run that goes on without this terminal, to its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import typer

from synapse_sdk.cli.interrupt import stop_on_interrupt
from synapse_sdk.cli.output import say
from synapse_sdk.cli.runs.display import RunDisplay
from synapse_sdk.cli.runs.view import FINAL, ServerView
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import PluginRunError
from synapse_sdk.wire.jobs import JobStatus

LOOK_SECONDS = 0.5


def follow_run(client: BackendClient, job_id: str) -> dict[str, Any]:
    """Show a run until it has ended; answers its job.

    A server that is away for a while is waited for. Ctrl-C asks whether the run shall stop; where nobody can answer,
    it goes on.

    Raises:
        KeyboardInterrupt: The run goes on, and this terminal leaves it.
    """
    with RunDisplay() as display, stop_on_interrupt("") as interruption:
        view = ServerView(client, job_id, display)
        is_stopping = False
        while True:
            job = view.look()
            if job is not None and JobStatus(job["status"]) in FINAL:
                return job
            if interruption.is_requested and not is_stopping:
                is_stopping = _stop_or_leave(client, job_id, display)
            time.sleep(LOOK_SECONDS)


def result_of_run(job: Mapping[str, Any]) -> Any:
    """A run's result.

    Raises:
        PluginRunError: It failed or was stopped.
    """
    status = JobStatus(job["status"])
    if status is JobStatus.SUCCEEDED:
        return job["result"]
    facts = {name: job.get(name) for name in ("id", "status", "exit_kind", "exit_code", "result")}
    if status is JobStatus.STOPPED:
        raise PluginRunError(f"Job {job['id']} was stopped.", facts)
    raise PluginRunError(f"Job {job['id']} failed. {job.get('error') or ''}".strip(), facts)


def how_to_go_on(job_id: str) -> str:
    """What to type to see a run again, or to end it."""
    return (
        f"The run goes on without this terminal. Follow it again: synapse job logs -f {job_id}\n"
        f"Stop it: synapse job stop {job_id}"
    )


def _stop_or_leave(client: BackendClient, job_id: str, display: RunDisplay) -> bool:
    with display.paused():
        if not _wants_to_stop(job_id):
            say(how_to_go_on(job_id))
            raise KeyboardInterrupt
    client.update_job(job_id, {"status": JobStatus.STOPPED.value})
    display.say("Asked it to stop; Ctrl-C again leaves it alone.")
    return True


def _wants_to_stop(job_id: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        return typer.confirm(f"Stop job {job_id}?", default=False, err=True)
    except typer.Abort:
        return False
