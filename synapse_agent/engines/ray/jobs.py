"""Runs as jobs of a Ray cluster: the same plan as on this machine, carried out by `driver.py` on one of its nodes.

A run's folder here knows its job's name, so a restarted agent finds the run again. What it prints is followed into that
folder; how it ended comes with the job's log.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from synapse_agent.engines.local.engine import SHIM
from synapse_agent.engines.protocol import ConsoleChunk, EndReason, RunExit, RunPlan, encode_order
from synapse_agent.engines.ray.cluster import RayAwayError, RayCluster
from synapse_agent.engines.ray.job_log import JobLog
from synapse_agent.engines.ray.log_follower import LogFollower, append_console, console_path
from synapse_agent.engines.ray.packing import pack
from synapse_sdk.utils.file.private import write_private

DRIVER = Path(__file__).with_name("driver.py")
RECORD, STARTED, EXIT, STOP = "ray.json", "ray.started", "exit.json", "stop"
RESULT, SPOOL, WORK = "result.json", "spool", "work"
POLL_SECONDS = 0.5
PENDING_STOP_SECONDS = 5.0
# What the driver needs to end a run in order, beyond what the run itself is given.
STOP_MARGIN_SECONDS = 15
_FINAL = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
# How a shell says that a program is not there, or may not be run.
_NO_PROGRAM = frozenset({126, 127})
_NEVER_BEGAN = {
    "RUNTIME_ENV_SETUP_FAILURE": "Ray could not prepare it on its node",
    "JOB_SUPERVISOR_ACTOR_START_TIMEOUT": "Ray found no room for it in time",
    "JOB_SUPERVISOR_ACTOR_START_FAILURE": "Ray could not start it",
    "JOB_SUPERVISOR_ACTOR_UNSCHEDULABLE": "no node of the Ray cluster can take it",
    "JOB_ENTRYPOINT_COMMAND_START_ERROR": "Ray could not start it",
}


class _Job(msgspec.Struct):
    """A run's job.

    Attributes:
        id: Its submission id on the cluster.
        mark: What the marks in its log begin with; nobody else knows it.
    """

    id: str
    mark: str


class RayJobsEngine:
    """Runs commands on a cluster.

    Args:
        cluster: The cluster.
        lost_seconds: How long a cluster may be silent before its runs are given up.
    """

    def __init__(self, cluster: RayCluster, *, lost_seconds: float) -> None:
        self._cluster, self._lost_seconds = cluster, lost_seconds
        self._lock = threading.Lock()
        self._followers: dict[str, LogFollower] = {}
        self._asked: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._told: dict[str, float] = {}

    def start(self, plan: RunPlan) -> None:
        """Start a run; nothing happens when it was started before.

        Raises:
            OSError: It cannot be started.
        """
        if self.was_started(plan.folder):
            return
        job = _read_job(plan.folder) or _Job(f"synapse-{plan.folder.name}", f"\x1e{secrets.token_hex(16)}:")
        write_private(plan.folder / RECORD, msgspec.json.encode(job))
        package = self._cluster.keep_package(_pack(plan, job))
        stop_seconds = int(plan.stop_seconds) + STOP_MARGIN_SECONDS
        env = {"RAY_JOB_STOP_SIGNAL": "SIGINT", "RAY_JOB_STOP_WAIT_TIME_S": str(stop_seconds)}
        self._cluster.submit(
            {
                "submission_id": job.id,
                "entrypoint": "exec python -I -S driver.py",
                "runtime_env": {"working_dir": package, "env_vars": env},
                **{f"entrypoint_{name}": amount for name, amount in plan.resources.items() if amount},
            }
        )
        (plan.folder / STARTED).touch()

    def was_started(self, folder: Path) -> bool:
        """Whether a run of this folder has begun, whatever has become of it.

        Raises:
            OSError: Its cluster is away, so nobody can tell.
        """
        job = _read_job(folder)
        if job is None:
            return False
        return (folder / STARTED).exists() or self._cluster.job(job.id) is not None

    def request_stop(self, folder: Path) -> None:
        """Ask a run to end; it is killed when it does not."""
        with suppress(FileNotFoundError):  # It is over, and its folder elsewhere.
            (folder / STOP).touch()

    def poll(self, folder: Path) -> RunExit | None:
        """How a run ended; None while it runs, or while its cluster is silent for a moment."""
        ending = _read_exit(folder)
        job = _read_job(folder)
        if ending is not None or job is None:
            return ending or RunExit(EndReason.VANISHED)
        now = time.monotonic()
        if now - self._asked.get(job.id, 0.0) < POLL_SECONDS:
            return None
        self._asked[job.id] = now
        try:
            ending = self._look(folder, job)
        except RayAwayError:
            silent = now - self._heard.setdefault(job.id, now)
            ending = RunExit(EndReason.VANISHED) if silent > self._lost_seconds else None
        else:
            self._heard[job.id] = now
        if ending is not None:
            self._note_end(folder, job, ending)
        return ending

    def read_console(self, folder: Path, position: int, max_bytes: int) -> ConsoleChunk:
        """What a run printed from a position on."""
        try:
            with console_path(folder).open("rb") as file:
                file.seek(position)
                return ConsoleChunk(position, file.read(max_bytes))
        except FileNotFoundError:
            return ConsoleChunk(position, b"")

    def _look(self, folder: Path, job: _Job) -> RunExit | None:
        info = self._cluster.job(job.id)
        if info is None:
            return RunExit(EndReason.VANISHED)
        if info["status"] in _FINAL:
            return self._take_end(folder, job, info)
        self._follow(folder, job)
        if not (folder / STOP).exists():
            return None
        if job.id not in self._told:
            self._cluster.stop(job.id)
            self._told[job.id] = time.monotonic()
        # Ray tells a job only once there is room for it; then it ends before its first command.
        is_waiting = info["status"] == "PENDING" and time.monotonic() - self._told[job.id] > PENDING_STOP_SECONDS
        return RunExit(EndReason.STOPPED) if is_waiting else None

    def _follow(self, folder: Path, job: _Job) -> None:
        with self._lock:
            follower = self._followers.get(job.id)
            if follower is None or not follower.is_alive:
                self._followers[job.id] = follower = LogFollower(self._cluster, job.id, job.mark, folder)
                follower.start()

    def _take_end(self, folder: Path, job: _Job, info: dict[str, Any]) -> RunExit:
        self._stop_following(job)
        log = JobLog(job.mark)
        printed = log.feed(self._cluster.job_log(job.id)).encode()
        append_console(folder, printed)
        if log.ended is None:
            return end_without_words(info)
        result, spool = log.ended["result"], log.ended["spool"]
        if result is not None:
            (folder / RESULT).write_text(result, encoding="utf-8")
        for name, text in spool.items():
            (folder / SPOOL).mkdir(exist_ok=True, mode=0o700)
            (folder / SPOOL / Path(name).name).write_text(text, encoding="utf-8")
        return msgspec.convert(log.ended["ending"], RunExit)

    def _note_end(self, folder: Path, job: _Job, ending: RunExit) -> None:
        self._stop_following(job)
        write_private(folder / EXIT, msgspec.json.encode(ending))
        for known in (self._asked, self._heard, self._told):
            known.pop(job.id, None)

    def _stop_following(self, job: _Job) -> None:
        with self._lock:
            follower = self._followers.pop(job.id, None)
        if follower is not None:
            follower.stop()


def _pack(plan: RunPlan, job: _Job) -> bytes:
    order = encode_order(replace(plan, mark=job.mark))
    files = {path.name: path.read_bytes() for path in plan.folder.glob(".synapse_*.json")}
    files |= {"order.json": order, DRIVER.name: DRIVER.read_bytes(), SHIM.name: SHIM.read_bytes()}
    return pack({WORK: plan.folder / WORK}, files)


def end_without_words(info: Mapping[str, Any]) -> RunExit:
    """How a job ended that has not said so itself.

    Args:
        info: What the cluster knows of it.
    """
    if info["status"] == "STOPPED":
        return RunExit(EndReason.STOPPED)
    reason = _NEVER_BEGAN.get(str(info.get("error_type")))
    if info.get("driver_exit_code") in _NO_PROGRAM:
        reason = "there is no `python` on the path of Ray's node"
    return RunExit(EndReason.NOT_STARTED, message=reason) if reason else RunExit(EndReason.VANISHED)


def _read_job(folder: Path) -> _Job | None:
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=_Job)
    except FileNotFoundError:
        return None


def _read_exit(folder: Path) -> RunExit | None:
    try:
        return msgspec.json.decode((folder / EXIT).read_bytes(), type=RunExit)
    except FileNotFoundError:
        return None
