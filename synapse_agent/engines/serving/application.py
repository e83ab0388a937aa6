"""One application and its replicas: looks, lets `plan` decide, and does it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from synapse_agent.core.event_log import DefectLog
from synapse_agent.engines.serving import process as processes
from synapse_agent.engines.serving.host import Host, bound_log, choose_devices, remove_files
from synapse_agent.engines.serving.line import ReplicaLine
from synapse_agent.engines.serving.plan import (
    STABLE_SECONDS,
    ApplicationView,
    Cause,
    Kill,
    Phase,
    Plan,
    ReplicaView,
    failure_of,
    plan_application,
    wait_before_start,
)
from synapse_agent.engines.serving.protocol import Reserved
from synapse_agent.engines.serving.records import ApplicationRecord, ReplicaRecord, folder_of
from synapse_sdk.utils.file.private import write_private
from synapse_sdk.wire.serve import MAX_MESSAGE_CHARACTERS, ServeDeploy, ServeState, ServeStatus

MODULE = "synapse_agent.engines.serving.replica"
GROUP_MEMORY_SECONDS = 1.0
# Those that answer do so in an instant; one that is busy, on a busy machine, is not ended for that.
ADOPTION_SECONDS = 10.0


@dataclass
class Replica:
    """One replica process, as the agent sees it. `child` is None for one that an earlier agent started."""

    record: ReplicaRecord
    line: ReplicaLine
    child: subprocess.Popen[bytes] | None = None
    phase: Phase = Phase.STARTING
    since: float = field(default_factory=time.monotonic)
    draining_since: float = 0.0
    heard: float = field(default_factory=time.monotonic)
    bytes_at: float = 0.0
    rss_bytes: int = 0
    verdict: Kill | None = None

    @property
    def is_alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        return processes.start_time(self.record.pid) == self.record.start

    def kill(self) -> None:
        """End it, and all that it has started."""
        processes.kill_group(self.record.pid, self.record.id, self.record.start)


class Application:
    """Everything about one application; used by one thread at a time.

    Args:
        record: What is wanted, and which processes an earlier agent left.
        host: What replicas are given.
        engine_id: Start of the mark of all processes of this agent.
    """

    def __init__(self, record: ApplicationRecord, host: Host, engine_id: str) -> None:
        self.record = record
        self._host = host
        self._engine_id = engine_id
        self.folder = folder_of(host.home, record.spec.name)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._replicas: list[Replica] = []
        self._listener: socket.socket | None = None
        self._crashes = 0
        self._next_start = 0.0
        self._last_words = ""
        self._bounded_at = 0.0
        self._is_fitting = True
        self.defects = DefectLog("serving_defect", application=record.spec.name)
        self.is_gone = False

    @property
    def log_path(self) -> Path:
        return self.folder / "replicas.log"

    @property
    def state(self) -> ServeState:
        """As it is told to others."""
        spec = self.record.spec
        ready = [replica for replica in self._replicas if replica.phase is Phase.READY]
        defect = f"A defect of the agent ({self.defects.kind}); its log says more." if self.defects.kind else ""
        return ServeState(
            name=spec.name,
            status=self.record.status,
            message=(defect or self.record.message)[:MAX_MESSAGE_CHARACTERS],
            route_prefix=spec.route_prefix,
            endpoint=f"http://{self._host.address}:{self.record.port}{spec.route_prefix}",
            plugin_release=spec.plugin_release,
            action=spec.action,
            checksum=spec.checksum,
            num_replicas=spec.options.num_replicas,
            replicas=len(ready),
            resources=spec.resources,
            revision=self.record.revision,
            changed=self.record.changed,
        )

    @property
    def used_gpus(self) -> dict[str, float]:
        """Shares of GPUs that its replicas hold."""
        used: dict[str, float] = {}
        for replica in self._replicas:
            for device, share in replica.record.gpus.items():
                used[device] = used.get(device, 0.0) + share
        return used

    @property
    def held(self) -> Reserved:
        """What it was promised; nothing once it was given up."""
        spec, memory = self.record.spec, sum(replica.rss_bytes for replica in self._replicas)
        count = 0 if self.record.failure and not self._replicas else spec.options.num_replicas
        return Reserved(
            num_cpus=spec.resources.num_cpus * count,
            memory=(spec.resources.memory or 0) * count,
            gpus=self.used_gpus,
            name=spec.name,
            used_memory=memory,
        )

    def adopt(self) -> None:
        """Find the replicas of an earlier agent again, and their listening socket."""
        for record in self.record.replicas:
            replica = Replica(record, ReplicaLine(self.folder / f"{record.id}.sock"))
            if replica.is_alive:
                self._replicas.append(replica)
            else:
                replica.kill()
        deadline = time.monotonic() + ADOPTION_SECONDS
        while self._replicas and self._listener is None and time.monotonic() < deadline:
            self._ask_for_listener()
            time.sleep(0.02)
        if self._listener is None:
            # Those that cannot be heard would keep the port: away with them.
            for replica in list(self._replicas):
                self._bury(replica)
        self._open_listener()

    def replace(self, spec: ServeDeploy) -> None:
        """Serve something else under this name; what runs goes on until that is ready."""
        self.record.spec = spec
        self.record.revision += 1
        self.record.was_ready, self.record.failure, self.record.is_deleting = False, "", False
        self._crashes, self._next_start, self._last_words = 0, 0.0, ""
        self._note(ServeStatus.DEPLOYING, "")
        self._save()

    def delete(self) -> None:
        """Let the replicas end, then forget the application."""
        self.record.is_deleting = True
        self._note(ServeStatus.DELETING, "")
        self._save()

    def tick(self, used_gpus: Mapping[str, float]) -> None:
        """Look at every replica and do what is due."""
        for replica in list(self._replicas):
            self._observe(replica)
        plan = plan_application(self._view())
        self._do(plan, used_gpus)
        if plan.status is ServeStatus.RUNNING and not self.record.was_ready:
            self.record.was_ready = True
            self._save()
        self._note(plan.status, plan.message)
        if plan.is_gone:
            self.close()
            remove_files(self.folder)
            self.is_gone = True
        elif time.monotonic() - self._bounded_at > 1.0:
            self._bounded_at = time.monotonic()
            bound_log(self.log_path)

    def end_all(self) -> None:
        """End every replica at once."""
        for replica in list(self._replicas):
            self._bury(replica)
        self._save()

    def ask_all_to_end(self) -> None:
        """Let every replica finish what it works on."""
        for replica in self._replicas:
            self._drain(replica)

    def has_replicas(self) -> bool:
        """Whether processes are left; those that ended are taken off."""
        for replica in list(self._replicas):
            if not replica.is_alive:
                self._bury(replica)
        return bool(self._replicas)

    def close(self) -> None:
        """Let go of the listening socket."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _open_listener(self) -> socket.socket:
        if self._listener is None:
            self._listener = self._host.open_listener(self.record.port)
        if self.record.port != (port := int(self._listener.getsockname()[1])):
            self.record.port = port
            self._save()
        return self._listener

    def _ask_for_listener(self) -> None:
        for replica in self._replicas:
            if not replica.line.is_open and replica.line.open():
                replica.line.say("listener")
            replica.line.listen()
            if replica.line.listener is not None and self._listener is None:
                self._listener = socket.socket(fileno=replica.line.listener)

    def _observe(self, replica: Replica) -> None:
        if not replica.is_alive:
            self._note_end(replica)
            self._bury(replica)
            return
        replica.line.open()
        now = time.monotonic()
        if replica.line.listen():
            replica.heard = now
        if replica.phase is Phase.STARTING and replica.line.told.get("phase") == "ready":
            replica.phase = Phase.READY
        if self.record.spec.resources.memory is not None:
            replica.rss_bytes = max(processes.private_bytes(replica.record.pid), 0)
            if now - replica.bytes_at > GROUP_MEMORY_SECONDS:
                replica.bytes_at = now
                replica.rss_bytes = processes.group_bytes(replica.record.pid)
        if replica.phase is Phase.READY and now - replica.since > STABLE_SECONDS:
            self._crashes = 0

    def _view(self) -> ApplicationView:
        record, now = self.record, time.monotonic()
        views = [
            ReplicaView(
                id=replica.record.id,
                revision=replica.record.revision,
                phase=replica.phase,
                age=now - replica.since,
                draining_for=now - replica.draining_since if replica.phase is Phase.DRAINING else 0.0,
                silent_for=now - replica.heard + float(replica.line.told.get("silent_seconds", 0.0)),
                problem=str(replica.line.told.get("problem", "")),
                rss_bytes=replica.rss_bytes,
            )
            for replica in self._replicas
        ]
        return ApplicationView(
            revision=record.revision,
            options=record.spec.options,
            replicas=views,
            memory=record.spec.resources.memory,
            was_ready=record.was_ready,
            failure=record.failure,
            last_words=self._last_words,
            crashes=self._crashes,
            may_start=now >= self._next_start,
            is_deleting=record.is_deleting,
            is_fitting=self._is_fitting,
        )

    def _do(self, plan: Plan, used_gpus: Mapping[str, float]) -> None:
        by_id = {replica.record.id: replica for replica in self._replicas}
        for kill in plan.kills:
            by_id[kill.replica].verdict = kill
            self._last_words = kill.reason or self._last_words
            by_id[kill.replica].kill()
        for name in plan.drains:
            self._drain(by_id[name])
        for _ in range(plan.starts):
            gpus = choose_devices(self.record.spec.resources.num_gpus, self._host.devices, used_gpus)
            self._is_fitting = gpus is not None
            if gpus is None:
                break
            used_gpus = {**used_gpus, **{device: used_gpus.get(device, 0.0) + share for device, share in gpus.items()}}
            self._start(gpus)

    def _drain(self, replica: Replica) -> None:
        replica.phase, replica.draining_since = Phase.DRAINING, time.monotonic()
        if replica.line.open():
            replica.line.say("drain")
        else:
            replica.kill()

    def _start(self, gpus: dict[str, float]) -> None:
        spec, listener = self.record.spec, self._open_listener()
        mark = f"{self._engine_id}-{uuid4().hex[:12]}"
        spec_path = self.folder / f"spec-{self.record.revision}.json"
        write_private(spec_path, spec.model_dump_json().encode())
        control = self.folder / f"{mark}.sock"
        command = [spec.python or sys.executable, "-m", MODULE, f"--spec={spec_path}", f"--control={control}"]
        command += [f"--listener={listener.fileno()}", f"--orphan-seconds={self._host.orphan_seconds}"]
        env = self._host.replica_environment(spec, {processes.MARK: mark}, gpus)
        try:
            child = processes.spawn(
                command, folder=Path(spec.folder), env=env, log=self.log_path, inherited=listener.fileno()
            )
        except OSError as exc:
            self._fail(Cause.ERROR, f"The replica cannot be started: {exc.strerror}")
            return
        start = processes.start_time(child.pid) or 0
        record = ReplicaRecord(id=mark, pid=child.pid, start=start, revision=self.record.revision, gpus=gpus)
        self._replicas.append(Replica(record, ReplicaLine(control), child))
        self._save()

    def _note_end(self, replica: Replica) -> None:
        if replica.phase is Phase.DRAINING:
            return
        verdict, words = replica.verdict, self._words_of(replica)
        if verdict is not None and verdict.cause is not None:
            cause, reason = verdict.cause, verdict.reason
        elif words:
            cause, reason = Cause.ERROR, f"A replica ended: {words}"
        else:
            cause, reason = Cause.CRASH, f"A replica {_ending(replica.child)}"
        if replica.record.revision == self.record.revision:
            self._fail(cause, reason)

    def _fail(self, cause: Cause, reason: str) -> None:
        self._crashes += 1
        self._last_words = reason
        self._next_start = time.monotonic() + wait_before_start(self._crashes)
        if failure_of(cause=cause, was_ready=self.record.was_ready, crashes=self._crashes):
            self.record.failure = reason
            for replica in list(self._replicas):
                if replica.record.revision == self.record.revision:
                    self._bury(replica)
        self._save()

    def _words_of(self, replica: Replica) -> str:
        try:
            return (self.folder / f"{replica.record.id}.error").read_text()
        except OSError:
            return ""

    def _bury(self, replica: Replica) -> None:
        replica.kill()
        if replica.child is not None:
            with suppress(subprocess.TimeoutExpired):
                replica.child.wait(5)
        replica.line.close()
        for suffix in (".sock", ".error"):
            (self.folder / f"{replica.record.id}{suffix}").unlink(missing_ok=True)
        if replica in self._replicas:
            self._replicas.remove(replica)
            self._save()

    def _note(self, status: ServeStatus, message: str) -> None:
        if (status, message) != (self.record.status, self.record.message):
            self.record.status, self.record.message = status, message
            self.record.changed = datetime.now(UTC)
            self._save()

    def _save(self) -> None:
        self.record.replicas = [replica.record for replica in self._replicas]
        self.record.save(self.folder)


def _ending(child: subprocess.Popen[bytes] | None) -> str:
    status = child.poll() if child is not None else None
    if status is None:
        return "ended without a word"
    if status >= 0:
        return f"ended with exit status {status}"
    names = {number.value: number.name for number in signal.Signals}
    hint = " (the host may have run out of memory)" if -status == signal.SIGKILL else ""
    return f"was ended by {names.get(-status, -status)}{hint}"
