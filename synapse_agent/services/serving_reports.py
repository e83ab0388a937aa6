"""Keeps the server's view of this host's applications true: told at every change and with every heartbeat."""

from __future__ import annotations

import threading

from synapse_agent.core.event_log import DefectLog
from synapse_agent.services.serving import Serving
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError, NotFoundError
from synapse_sdk.wire.serve import ServeReport, ServeReportAnswer


class ServeReporter:
    """Reports from a thread of its own, so that a server that is down holds nothing up.

    Args:
        serving: What is reported.
        client: Of the server, with the agent's key; it stays the caller's.
        seconds: Between two reports where nothing changes.
    """

    def __init__(self, serving: Serving, client: BackendClient, *, seconds: float) -> None:
        self._serving, self._client, self._seconds = serving, client, seconds
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="serve-reports", daemon=True)
        self._defects = DefectLog("serve_report_defect")
        self.problem: str | None = None

    def note_change(self) -> None:
        """Report now: something has changed."""
        self._changed.set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Report a last time, and end."""
        self._stopping.set()
        self._changed.set()
        self._thread.join()

    def report(self) -> None:
        """Tell the server everything, and delete what it wants deleted.

        Raises:
            ClientError: The server could not be reached, or refused.
        """
        report = ServeReport(applications=self._serving.engine.states())
        raw = self._client.report_serve_applications(report)
        for name in ServeReportAnswer.model_validate(raw).delete:
            try:
                self._serving.delete(name)
            except NotFoundError:
                continue

    def _run(self) -> None:
        while True:
            self._changed.clear()
            try:
                self.report()
                self.problem = None
                self._defects.clear()
            except ClientError as exc:
                self.problem = f"the server does not take reports of applications ({exc.code})"
            except Exception as exc:  # noqa: BLE001 - the agent's loop: one bad answer must not end it.
                self.problem = f"reporting applications failed ({type(exc).__name__})"
                self._defects.note(exc)
            if self._stopping.is_set():
                return
            self._changed.wait(self._seconds)
