"""A worker machine (`DeviceAgent`): joins a server, says how it is, takes jobs, and does what it is told about them."""

from __future__ import annotations

import fcntl
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

import httpx2
import msgspec

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.devices import DeviceClient
from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.exceptions import ClientError, ConfigurationError
from synapse_sdk.utils.auth import read_env
from synapse_sdk.utils.file.private import write_private
from synapse_sdk.utils.network import is_same_origin
from synapse_sdk.utils.retry import NO_RETRY
from synapse_sdk.wire.devices import HOST_ID_PATTERN, ActiveJob, DeviceStatus, Heartbeat, HeartbeatAnswer
from web_helper.middleend.component_manager import ComponentManager
from web_helper.middleend.worker.child.gpu_share import free_slot
from web_helper.middleend.worker.child.run_process import RunProcess
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.host import LoadMeter, read_code_version, read_environment, read_gpus
from web_helper.middleend.worker.job import Backoff, Job, Tell, Workshop, event_of
from web_helper.middleend.worker.kept_tree import KeptTree
from web_helper.middleend.worker.run_store import Phase, RunFile, RunStore
from web_helper.middleend.worker.run_tree import hash_of_files, installed_kit, read_kit

REVIVE_SECONDS = 5.0
STOP_MARGIN_SECONDS = 5.0
# Nothing of the worker's own goes to a run: its keys least of all.
_PRIVATE = ("SYNAPSE_", "CVLABKIT_API_KEY")


@dataclass(frozen=True)
class WorkerSettings:
    """One worker.

    Attributes:
        folder: Its cache, runs and key; for one worker alone.
        jobs: How many runs at once.
        heartbeat_seconds: A device is taken for stale after 30 s of silence.
        poll_seconds: Between two questions for work; also how soon a new job is seen.
        stop_seconds: How long a stopped run may take to end before it is killed.
        log_bytes: How much of the beginning of a run's output is kept, besides its end.
        stop_runs_at_exit: Runs end with the worker; else they go on and are found again.
        any_environment: A run may repeat another in an environment that is not the recorded one.
        tree: Folder that holds a `cvlabkit` which is kept as the server has it; runs do not use it.
    """

    server_url: str
    folder: Path
    jobs: int = 1
    heartbeat_seconds: float = 10.0
    poll_seconds: float = 2.0
    stop_seconds: float = 10.0
    log_bytes: int = 64 * 2**20
    stop_runs_at_exit: bool = False
    any_environment: bool = False
    tree: Path | None = None


class HostRecord(msgspec.Struct):
    """Who this host is on the server. A random name, in a file for its owner only."""

    host_id: str
    server_url: str = ""
    token: str = ""


def join_server(
    settings: WorkerSettings,
    *,
    name: str | None = None,
    token: str | None = None,
    transport: httpx2.BaseTransport | None = None,
) -> HostRecord:
    """Enrol this host, or find again what an earlier start enrolled.

    Args:
        settings: Of the worker.
        name: How people call this host; else its host name and a random part.
        token: Of a person who may enrol hosts; needed once.
        transport: Carries the request; stays the caller's.

    Raises:
        ConfigurationError: It is not enrolled and there is no token, it has another name already, the name is none, or
            another host works under it.
        ClientError: The server refused.
    """
    path = settings.folder / "host.json"
    known = _load_host(path)
    if known is not None and known.token and name not in (None, known.host_id):
        raise ConfigurationError(f"This worker is {known.host_id!r} already. Another one needs its own --work folder.")
    if known is not None and known.token and is_same_origin(known.server_url, settings.server_url):
        return known
    if name is not None and re.fullmatch(HOST_ID_PATTERN, name) is None:
        raise ConfigurationError(f"{name!r} is no device name: letters, digits, `.`, `_`, `-`, at most 100 of them.")
    if token is None:
        raise ConfigurationError(
            f"This host has not joined {settings.server_url} yet: log in with `synapse login`, or pass --token, once."
        )
    host_id = name or (known.host_id if known else default_host_id())
    with ExperimentClient(settings.server_url, token, transport=transport) as client:
        if known is None or known.host_id != host_id:
            _refuse_taken(client, host_id)
            # Before it joins: a start that is cut short here joins under the same name.
            _save_host(path, HostRecord(host_id))
        key = client.enrol_device(host_id)["token"]
    record = HostRecord(host_id, settings.server_url, key)
    _save_host(path, record)
    return record


def _refuse_taken(client: ExperimentClient, host_id: str) -> None:
    """To join under a name ends the former key: the same command typed on two machines must not stop the first."""
    for device in client.list_devices():
        if device["host_id"] == host_id and device["status"] == DeviceStatus.HEALTHY:
            raise ConfigurationError(
                f"A worker {host_id!r} is at work: choose another --device-name. If this one shall take its place, stop"
                " that one first, and start this one half a minute later."
            )


def default_host_id() -> str:
    """A name that nobody else has, in which people recognise the host."""
    own = re.sub(r"[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-")[:60] or "host"
    return f"{own}-{secrets.token_hex(3)}"


class DeviceAgent:
    """One worker.

    Args:
        settings: Of this worker.
        host: Who it is.
        tell: Takes an event and its fields.
        transport: Carries the requests; stays the caller's.
    """

    def __init__(
        self, settings: WorkerSettings, host: HostRecord, tell: Tell, *, transport: httpx2.BaseTransport | None = None
    ) -> None:
        self._settings, self._tell, self._host = settings, tell, host
        # Whoever asks in a loop has its own patience; a report that arrives late would tell old things.
        open_client = partial(DeviceClient, settings.server_url, host.token, host.host_id, transport=transport)
        self._client, self._job_client = open_client(retry=NO_RETRY), open_client(retry=NO_RETRY)
        self._components = ComponentClient(settings.server_url, host.token, transport=transport)
        self._store = RunStore(settings.folder)
        self._halt = threading.Event()
        # A signal handler may put into this queue at any line; an event's lock could be held by the line it interrupts.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._is_stopping = False
        self._threads: dict[str, threading.Thread] = {}
        self._kept_tree = self._open_tree(transport)
        self._meter = LoadMeter(settings.folder)
        self._shop = Workshop(
            host_id=host.host_id,
            client=self._job_client,
            components=self._components,
            store=self._store,
            cache=ContentCache(settings.folder / "cache" / "sha256"),
            kit=lambda: read_kit(installed_kit()),
            environment=read_environment,
            tell=tell,
            env={name: value for name, value in read_env().items() if not name.startswith(_PRIVATE)},
            stop_seconds=settings.stop_seconds,
            log_bytes=settings.log_bytes,
            any_environment=settings.any_environment,
            slots=settings.jobs,
        )

    def run(self) -> None:
        """Work until `stop`. What an earlier worker had started is taken up first.

        Raises:
            ConfigurationError: Another worker uses the folder.
        """
        with self._exclusive():
            self._tell(
                "worker_up", host_id=self._host.host_id, server=self._settings.server_url, jobs=self._settings.jobs
            )
            self._shop.cache.sweep()
            for run in self._store.all():
                self._tell("run_found_again", uid=run.uid, phase=run.phase.value)
            self._work()
            if self._settings.stop_runs_at_exit:
                self._stop_runs()
            self._halt.set()
            for thread in self._threads.values():
                thread.join(STOP_MARGIN_SECONDS)
        for part in (self._client, self._job_client, self._components, self._kept_tree):
            if part is not None:
                part.close()

    def stop(self) -> None:
        """Take no more work, and return from `run`."""
        self._is_stopping = True
        self._wake.put(None)

    def runs(self) -> list[RunFile]:
        """Runs that have not been reported to their end."""
        return list(self._store.all())

    def _work(self) -> None:
        """One thread asks and tells, so that no report about jobs is older than the last job that was given."""
        backoff, next_beat, is_hindered = Backoff(self._sleep), 0.0, False
        code = self._read_code_version()
        while not self._is_stopping:
            self._follow_all()
            try:
                if time.monotonic() >= next_beat:
                    self._obey(self._client.heartbeat(self._report(code)))
                    if self._kept_tree is not None:
                        self._kept_tree.synchronise()
                    next_beat = time.monotonic() + self._settings.heartbeat_seconds
                # No more at once than there is room for: one that the server gives again and again must not spin.
                for _ in range(self._settings.jobs - len(self._active())):
                    if not self._take(self._active()):
                        break
                self._follow_all()
            except Exception as exc:  # noqa: BLE001 - the worker's loop: neither a bad answer nor a full disk ends it.
                self._complain(exc, backoff.seconds)
                next_beat, is_hindered = 0.0, True
                backoff.wait()
            else:
                if is_hindered:
                    self._tell("worker_recovered")
                is_hindered = False
                backoff.reset()
                self._sleep(self._settings.poll_seconds)

    def _complain(self, exc: Exception, wait_seconds: float) -> None:
        if isinstance(exc, ClientError):
            self._tell(event_of(exc), wait_seconds=wait_seconds, error=exc.code)
        else:
            reason = exc.strerror if isinstance(exc, OSError) else type(exc).__name__
            self._tell("worker_hindered", wait_seconds=wait_seconds, error=reason)

    def _take(self, active: list[str]) -> bool:
        job = self._client.next_job(active)
        if job is None:
            return False
        slot = free_slot([run.slot for run in self._store.all()])
        self._store.take(job.experiment.uid, job.attempt, job.model_dump(mode="json"), slot=slot)
        self._tell("job_taken", uid=job.experiment.uid, attempt=job.attempt)
        return True

    def _active(self) -> list[str]:
        return [run.uid for run in self._store.all()]

    def _report(self, code: object) -> Heartbeat:
        environment = self._environment
        return Heartbeat.model_validate(
            {
                "host_id": self._host.host_id,
                **self._meter.measure(),
                "gpus": read_gpus()[0],
                "torch_version": environment.torch,
                "cuda_version": environment.cuda,
                "code_version": code,
                "slots": self._settings.jobs,
                "active_jobs": [ActiveJob(uid=run.uid, attempt=run.attempt) for run in self._store.all()],
            }
        )

    def _read_code_version(self) -> object:
        self._environment = read_environment()
        kit = installed_kit()
        return read_code_version(kit, hash_of_files(read_kit(kit).digests), self._environment.lock_sha256)

    def _obey(self, answer: HeartbeatAnswer) -> None:
        """Stop, hold and let go on what the server says. The files that say so are read by the runs' keepers."""
        if self._kept_tree is not None:
            self._kept_tree.carry_out(answer.answers)
        for run in self._store.all():
            process = RunProcess(self._store.folder_of(run.uid))
            with suppress(FileNotFoundError):  # It was reported to its end meanwhile.
                if run.uid in answer.cancelled:
                    process.request_stop()
                elif run.uid in answer.paused:
                    process.pause()
                else:
                    process.resume()

    def _open_tree(self, transport: httpx2.BaseTransport | None) -> KeptTree | None:
        if self._settings.tree is None:
            return None
        url, key = self._settings.server_url, self._host.token
        manager = ComponentManager(url, self._settings.tree, key, transport=transport)
        return KeptTree(manager, self._client, self._tell)

    def _follow_all(self) -> None:
        for run in self._store.all():
            thread = self._threads.get(run.uid)
            if thread is None or not thread.is_alive():
                self._threads[run.uid] = thread = threading.Thread(target=self._carry, args=(run,), daemon=True)
                thread.start()
        for uid in [uid for uid, thread in self._threads.items() if not thread.is_alive()]:
            del self._threads[uid]

    def _carry(self, run: RunFile) -> None:
        try:
            Job(run, self._shop, self._halt).carry()
        except Exception as exc:  # noqa: BLE001 - the worker's loop: the job is taken up again.
            self._tell("job_failed", uid=run.uid, error=type(exc).__name__)
            self._halt.wait(REVIVE_SECONDS)
        # There may be room for the next one.
        self._wake.put(None)

    def _sleep(self, seconds: float) -> None:
        with suppress(Empty):
            self._wake.get(timeout=seconds)

    def _stop_runs(self) -> None:
        for run in self._store.all():
            RunProcess(self._store.folder_of(run.uid)).request_stop()
        deadline = time.monotonic() + self._settings.stop_seconds + STOP_MARGIN_SECONDS
        while time.monotonic() < deadline and any(run.phase != Phase.ENDED for run in self._store.all()):
            time.sleep(0.1)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        with (self._settings.folder / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise ConfigurationError(
                    "Another worker uses this folder. Stop it, or give this one its own --work folder."
                ) from exc
            yield


def _load_host(path: Path) -> HostRecord | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=HostRecord)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as exc:
        raise ConfigurationError(f"{path} cannot be read. Delete it, and this host joins anew.") from exc


def _save_host(path: Path, record: HostRecord) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, msgspec.json.encode(record))
