"""Following a run of an agent in the terminal: what it prints, how far it is, how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import typer

from synapse_sdk.cli.output import plain, say, warn
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientConnectionError, ClientTimeoutError, PluginRunError, ServerError
from synapse_sdk.wire.jobs import JobStatus

LOOK_SECONDS = 0.5
LOGS_PER_PAGE = 200
FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED})


def follow_run(client: BackendClient, job_id: str) -> dict[str, Any]:
    """Show a run until it has ended; answers its job.

    Console lines, messages, progress and metrics go to stderr: stdout stays free for the result. A server that is away
    for a while is waited for.
    """
    view = _RunView(client, job_id)
    while True:
        try:
            # Asked first: what the run printed before it ended is then not missed.
            job = view.look()
        except (ClientConnectionError, ClientTimeoutError, ServerError):
            view.note_absence()
            time.sleep(LOOK_SECONDS)
            continue
        if JobStatus(job["status"]) in FINAL:
            return job
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
    verb = "was stopped" if status is JobStatus.STOPPED else "failed"
    raise PluginRunError(f"Job {job['id']} {verb}. {job.get('error') or ''}".strip(), facts)


def how_to_go_on(job_id: str) -> str:
    """What to type to see a run again, or to end it."""
    return (
        f"The run goes on without this terminal. Follow it again: synapse plugin job logs -f {job_id}\n"
        f"Stop it: synapse plugin job stop {job_id}"
    )


class _RunView:
    """What has been shown of a run."""

    def __init__(self, client: BackendClient, job_id: str) -> None:
        self._client, self._job_id = client, job_id
        self._console_bytes = self._seen = 0
        self._shown: dict[str, str] = {}
        self._is_away = False

    def look(self) -> dict[str, Any]:
        """Show what is new; answers the job as it was before."""
        job: dict[str, Any] = self._client.get_job(self._job_id)
        self._is_away = False
        console = self._client.list_job_console_logs(self._job_id, {"after": self._console_bytes})
        self._console_bytes = console["size_bytes"]
        for line in console["console_logs"].splitlines():
            # What a plugin prints is not trusted with the terminal.
            typer.echo(plain(line), err=True)
        self._show_messages()
        self._show_once("status", str(job["status"]))
        current = (job.get("progress_record") or {}).get("current_progress") or {}
        if current:
            self._show_once("progress", f"{current.get('overall', 0):g} % ({current.get('step')})")
        steps = ((job.get("metrics_record") or {}).get("record") or {}).get("steps") or {}
        for step, metrics in steps.items():
            self._show_once(f"metrics {step}", json.dumps(metrics, ensure_ascii=False))
        return job

    def note_absence(self) -> None:
        """Say once that the server is away."""
        if not self._is_away:
            warn("the server does not answer; the run goes on, and this waits for the server")
        self._is_away = True

    def _show_messages(self) -> None:
        while True:
            page, seen = divmod(self._seen, LOGS_PER_PAGE)
            wish = {"job": self._job_id, "ordering": "id", "page": page + 1, "page_size": LOGS_PER_PAGE}
            # A page that is not there yet would be refused.
            rows = self._client.list_logs(wish)["results"] if seen or page == 0 or self._has_page(page) else []
            for entry in rows[seen:]:
                self._seen += 1
                data = entry["data"] if isinstance(entry["data"], dict) else {}
                text = data.get("content") or data.get("message")
                if text:
                    say(f"[{plain(entry['level'] or entry['event'])}] {plain(text)}")
            if len(rows) < LOGS_PER_PAGE:
                return

    def _has_page(self, page: int) -> bool:
        count = self._client.list_logs({"job": self._job_id, "page_size": 1})["count"]
        return int(count) > page * LOGS_PER_PAGE

    def _show_once(self, name: str, value: str) -> None:
        if self._shown.get(name) != value:
            self._shown[name] = value
            say(f"{plain(name)}: {plain(value)}")
