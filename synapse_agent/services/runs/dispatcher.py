"""Asks the server for work, and keeps one follower per run."""

from __future__ import annotations

import threading
import time

from synapse_agent.core.event_log import log_event
from synapse_agent.services.runs.follower import Follower, Workshop
from synapse_agent.services.runs.store import Phase, RunFile
from synapse_sdk.exceptions import ClientError

STOP_MARGIN_SECONDS = 3.0
REVIVE_SECONDS = 5.0


class Dispatcher:
    """The agent's loop: claims jobs, starts their followers, passes stops on.

    Args:
        shop: What the runs share.
    """

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._halt = threading.Event()
        self._followers: dict[str, threading.Thread] = {}
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        self.problem: str | None = None

    def start(self) -> None:
        """Take up what an earlier agent had started, then ask for more."""
        for run in self._shop.store.all():
            log_event("run_found_again", job_id=run.job_id, phase=run.phase)
            self._follow(run.job_id)
        self._thread.start()

    def stop(self) -> None:
        """Stop asking. Runs go on without the agent, unless its settings say that they end with it."""
        if self._shop.settings.stop_runs_at_exit:
            self._stop_runs()
        self._halt.set()

    def runs(self) -> list[RunFile]:
        """Runs that this agent has and that have not been reported to their end."""
        return list(self._shop.store.all())

    def stop_run(self, job_id: str) -> None:
        """End a run of this agent."""
        self._shop.engine.request_stop(self._shop.store.folder_of(job_id))

    def _work(self) -> None:
        while not self._halt.is_set():
            try:
                self._claim()
                self.problem = None
            except ClientError as exc:
                self._complain(f"the server gives no work ({exc.code})")
            except Exception as exc:  # noqa: BLE001 - the agent's loop: one bad answer must not end it.
                self._complain(f"the question for work failed ({type(exc).__name__})")

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log_event("claim_failed", problem=problem)
        self.problem = problem
        self._halt.wait(self._shop.settings.retry_seconds)

    def _claim(self) -> None:
        known = [run.job_id for run in self._shop.store.all()]
        for job_id in known:
            self._follow(job_id)
        free = max(self._shop.settings.max_runs - len(known), 0)
        claim = self._shop.link.claim(known, free_slots=free, wait_seconds=self._wait_seconds(known))
        for job_id in claim.stop:
            self.stop_run(job_id)
        for job_id in claim.start:
            if self._shop.store.take(job_id):
                self._follow(job_id)
        if claim.stop:
            # The wish stays until the run has stopped; it need not be answered many times a second.
            self._halt.wait(0.5)

    def _wait_seconds(self, known: list[str]) -> float:
        wait = self._shop.settings.claim_wait_seconds
        # With all slots taken, the question is repeated soon after one becomes free.
        return wait if len(known) < self._shop.settings.max_runs else min(wait, 1.0)

    def _follow(self, job_id: str) -> None:
        thread = self._followers.get(job_id)
        if thread is not None and thread.is_alive():
            return
        thread = threading.Thread(target=self._carry, args=(job_id,), name=f"run-{job_id}", daemon=True)
        self._followers[job_id] = thread
        thread.start()

    def _carry(self, job_id: str) -> None:
        try:
            if self._shop.store.load(job_id) is not None:
                Follower(job_id, self._shop, self._halt).follow()
        except Exception as exc:  # noqa: BLE001 - the agent's loop: the run is taken up again by the next claim.
            log_event("follower_failed", job_id=job_id, error=type(exc).__name__)
            self._halt.wait(REVIVE_SECONDS)
        finally:
            if self._shop.store.load(job_id) is None:
                self._followers.pop(job_id, None)

    def _stop_runs(self) -> None:
        for run in self._shop.store.all():
            self.stop_run(run.job_id)
        deadline = time.monotonic() + self._shop.settings.stop_seconds + STOP_MARGIN_SECONDS
        while time.monotonic() < deadline and any(run.phase != Phase.ENDED for run in self._shop.store.all()):
            time.sleep(0.1)
