"""A run as the server knows it: what is new in it, shown."""

from __future__ import annotations

from collections import Counter
from typing import Any

from synapse_sdk.cli.output import plain
from synapse_sdk.cli.runs.display import RunDisplay
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientConnectionError, ClientTimeoutError, ServerError
from synapse_sdk.wire.jobs import JobStatus

LOGS_PER_PAGE = 200
# A run may record an event per item; a person wants to see what they look like.
SHOWN_EVENTS = 3
FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED})
STYLES = {"danger": "red", "error": "red", "critical": "red", "warning": "yellow", "success": "green"}


class ServerView:
    """What has been shown of a run.

    Args:
        client: The server that knows it.
        job_id: The run.
        display: Where it is shown.
        shows_console: Whether what it prints comes from the server, too, and not from its own process.
    """

    def __init__(self, client: BackendClient, job_id: str, display: RunDisplay, *, shows_console: bool = True) -> None:
        self._client, self._job_id, self._display = client, job_id, display
        self._shows_console = shows_console
        self._console_bytes = self._seen = 0
        self._events: Counter[str] = Counter()
        self._is_away = False

    def look(self) -> dict[str, Any] | None:
        """Show what is new; answers the job as it was before, or None while the server is away."""
        try:
            # Asked first: what the run printed before it ended is then not missed.
            job: dict[str, Any] = self._client.get_job(self._job_id)
            self._show(job)
        except (ClientConnectionError, ClientTimeoutError, ServerError):
            self._note_absence()
            return None
        self._is_away = False
        return job

    def _show(self, job: dict[str, Any]) -> None:
        if self._shows_console:
            console = self._client.list_job_console_logs(self._job_id, {"after": self._console_bytes})
            self._console_bytes = console["size_bytes"]
            for line in console["console_logs"].splitlines():
                self._display.console(line)
        self._show_messages()
        self._display.status(str(job["status"]))
        current = (job.get("progress_record") or {}).get("current_progress") or {}
        if current:
            self._display.progress(float(current.get("overall") or 0), str(current.get("step")))
        steps = ((job.get("metrics_record") or {}).get("record") or {}).get("steps") or {}
        for step, metrics in steps.items():
            self._display.metrics(step, metrics)

    def _note_absence(self) -> None:
        if not self._is_away:
            self._display.say("Warning: the server does not answer; the run goes on, and this waits.", style="yellow")
        self._is_away = True

    def _show_messages(self) -> None:
        while True:
            page, seen = divmod(self._seen, LOGS_PER_PAGE)
            wish = {"job": self._job_id, "ordering": "id", "page": page + 1, "page_size": LOGS_PER_PAGE}
            # A page that is not there yet would be refused.
            rows = self._client.list_logs(wish)["results"] if seen or page == 0 or self._has_page(page) else []
            for entry in rows[seen:]:
                self._seen += 1
                self._show_entry(entry)
            if len(rows) < LOGS_PER_PAGE:
                return

    def _show_entry(self, entry: dict[str, Any]) -> None:
        data = entry["data"] if isinstance(entry["data"], dict) else {}
        level, event = str(entry["level"] or entry["event"]), str(entry["event"])
        text = data.get("content") or data.get("message")
        if text is None:
            self._events[event] += 1
            if self._events[event] > SHOWN_EVENTS:
                return
            text = f"{event}: " + ", ".join(f"{key}={value}" for key, value in data.items())
        self._display.say(f"[{plain(level)}] {plain(text)}", style=STYLES.get(level, ""))

    def _has_page(self, page: int) -> bool:
        count = self._client.list_logs({"job": self._job_id, "page_size": 1})["count"]
        return int(count) > page * LOGS_PER_PAGE
