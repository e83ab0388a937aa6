"""Carries out plans: builds images, makes and starts containers, and waits until their apps answer.

A build reads its record and looks at the engine, plans, does the steps, and does so again where the record was changed
meanwhile. So a build that an agent's death cut off is simply begun again, under its own id, and finds what is done.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from synapse_agent.core.event_log import log_event
from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.engines.docker.protocol import (
    AGENT_LABEL,
    CHECKSUM_LABEL,
    IMAGE_LABEL,
    RECORD_LABEL,
    SPEC_LABEL,
    BuildOrder,
    ContainerEngine,
    ContainerOrder,
    EngineError,
    NoContainerError,
    PortTakenError,
    RunState,
)
from synapse_agent.services.containers.build_log import BuildLogs
from synapse_agent.services.containers.image.dockerfile import (
    DOCKERFILE,
    INDEX_ARGUMENT,
    write_context,
    write_dockerfile,
)
from synapse_agent.services.containers.plan import EngineState, Plan, Step, is_as_wanted, plan_container
from synapse_agent.services.containers.pool import WarmPool
from synapse_agent.services.containers.readiness import is_port_free, wait_until_ready
from synapse_agent.services.containers.records import BuildRow, ContainerRow
from synapse_agent.services.containers.releases import ReleaseShelf
from synapse_agent.services.containers.store import ContainerStore, NoPortLeftError
from synapse_sdk.exceptions import ContainerBuildError, SynapseError
from synapse_sdk.wire.containers import APP_PORT, PARAMS_VARIABLE, BuildStatus, ContainerStatus

# A record that is changed again and again while it is built, or a port that is snatched away each time.
MAX_ROUNDS = 5


_UP = frozenset({RunState.RUNNING, RunState.PAUSED, RunState.RESTARTING})


class _NotWantedError(Exception):
    """The record was removed while it was built."""


@dataclass(frozen=True)
class Places:
    """Where apps answer.

    Attributes:
        address: Of this host, that ports are published on.
        host: How others name this host.
    """

    address: str
    host: str

    def endpoint(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"

    def own_url(self, port: int) -> str:
        """How the agent itself reaches an app."""
        return f"http://127.0.0.1:{port}" if self.address == "0.0.0.0" else f"http://{self.address}:{port}"  # noqa: S104


def row_lock(row_id: int) -> str:
    """Name of the lock under which an app is let rest, or goes on."""
    return f"record-{row_id}"


class NamedLocks:
    """A lock for each name."""

    def __init__(self) -> None:
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        with self._locks[name]:
            yield


@dataclass(frozen=True)
class Workbench:
    """What a build works with.

    Attributes:
        agent: Tells this agent's containers from those of others on the same engine.
    """

    engine: ContainerEngine
    store: ContainerStore
    shelf: ReleaseShelf
    logs: BuildLogs
    settings: PlaygroundSettings
    places: Places
    agent: str
    folder: Path
    locks: NamedLocks = field(default_factory=NamedLocks)

    def look(self, row: ContainerRow, *, is_building: bool = False) -> EngineState:
        """What there is of a record."""
        container = self.engine.inspect(row.container_id) if row.container_id else None
        if container is not None and container.state in _UP and is_as_wanted(row, container):
            # The usual case is answered with one question.
            return EngineState(container, is_building=is_building)
        is_up = container is not None and container.state in _UP
        is_taken = row.host_port is not None and not is_up and not is_port_free(self.places.address, row.host_port)
        return EngineState(container, self.engine.find_image(row.image), is_taken, is_building)

    def order(self, row: ContainerRow, port: int) -> ContainerOrder:
        """The container of a record."""
        settings, app = self.settings, row.app
        env = {
            "GRADIO_SERVER_NAME": "0.0.0.0",  # noqa: S104 - the container's own network.
            "GRADIO_SERVER_PORT": str(APP_PORT),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "GRADIO_TEMP_DIR": "/tmp/gradio",  # noqa: S108 - the container's own.
            "HOME": "/tmp",  # noqa: S108
            "PYTHONUNBUFFERED": "1",
            **row.envs,
            PARAMS_VARIABLE: json.dumps(row.params, ensure_ascii=False),
        }
        return ContainerOrder(
            image=row.image,
            env=env,
            labels={
                AGENT_LABEL: self.agent,
                RECORD_LABEL: str(row.id),
                CHECKSUM_LABEL: row.checksum,
                SPEC_LABEL: row.spec,
            },
            host_address=self.places.address,
            host_port=port,
            app_port=APP_PORT,
            memory_bytes=app.memory_bytes or settings.memory_bytes,
            cpus=app.cpus or settings.cpus,
            processes=settings.processes,
            # Gradio writes what people flag into the second.
            scratch={"/tmp": settings.scratch_bytes, "/app/.gradio": settings.scratch_bytes // 8},  # noqa: S108
            log_bytes=settings.log_bytes,
            gpus=app.gpus,
        )


class Workshop:
    """Runs builds, as many at once as there are cores.

    Its threads do not keep the process from ending: a build that this cuts off is begun again when the agent is back.

    Args:
        bench: What they work with.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._waiting: SimpleQueue[BuildRow | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"playground-build-{number}", daemon=True)
            for number in range(bench.settings.builds_at_once)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def submit(self, build: BuildRow) -> None:
        """Run a build in its turn."""
        self._waiting.put(build)

    def stop(self) -> None:
        """Begin no more builds."""
        with suppress(Empty):
            # Its threads take from it, too.
            while True:
                self._waiting.get_nowait()
        for _ in self._threads:
            self._waiting.put(None)

    def _work(self) -> None:
        while (build := self._waiting.get()) is not None:
            self._run(build)

    def _run(self, build: BuildRow) -> None:
        bench = self._bench
        run, message = BuildRun(bench, build), None
        try:
            run.carry_out()
        except _NotWantedError:
            bench.logs.write(build.id, "The container was removed.")
        except (EngineError, SynapseError, NoPortLeftError, OSError) as exc:
            message = str(exc)
        except Exception as exc:  # noqa: BLE001 - the edge of a build: nobody else would hear of it.
            log_event("playground_build_defect", build=build.id, kind=type(exc).__name__, message=str(exc))
            message = f"A defect of the agent ({type(exc).__name__}); its log says more."
        if message is not None and not run.fail(message):
            self.submit(build)


class BuildRun:
    """One build.

    Args:
        bench: What it works with.
        build: The build.
    """

    def __init__(self, bench: Workbench, build: BuildRow) -> None:
        self._bench, self._build = bench, build
        self._write = partial(bench.logs.write, build.id)
        self._tried = bench.store.find(build.row_id)

    def carry_out(self) -> None:
        """Do what has to be done until the app answers.

        Raises:
            EngineError: The engine refused, or is away.
            SynapseError: The release cannot be built or started.
            NoPortLeftError: No port is left.
        """
        first: Plan | None = None
        for _ in range(MAX_ROUNDS):
            row = self._tried = self._row()
            plan = plan_container(row, self._bench.look(row))
            first = first or plan
            log_event("playground_plan", build=self._build.id, record=row.id, case=plan.case, steps=plan.steps)
            if first.reason and plan is first:
                self._write(f"Made anew: {first.reason}.")
            try:
                for step in plan.steps:
                    self._do(step)
            except PortTakenError:
                self._write("Another program has taken the port meanwhile; the next one is tried.")
                self._give_up_container()
                self._store.change(row.id, host_port=None)
                continue
            if self._is_settled(row) and self._finish(row, first):
                return
        raise ContainerBuildError("The container was changed again and again while it was made. Create it again.")

    def fail(self, message: str) -> bool:
        """Note that it failed, and leave nothing behind; False when something else is to be made by now."""
        for line in message.splitlines():
            self._write(line)
        try:
            self._give_up_container()
        except EngineError as exc:
            self._write(f"What is left of it will be removed when the engine is back: {exc}")
        if self._tried is not None and not self._store.fail_build(self._build.id, self._tried, message):
            self._write("Something else is asked for by now, and is made instead.")
            return False
        log_event("playground_failed", build=self._build.id, record=self._build.row_id)
        return True

    @property
    def _store(self) -> ContainerStore:
        return self._bench.store

    def _row(self) -> ContainerRow:
        row = self._store.find(self._build.row_id)
        if row is None:
            raise _NotWantedError
        return row

    def _is_settled(self, done: ContainerRow) -> bool:
        row = self._row()
        return (row.checksum, row.spec) == (done.checksum, done.spec)

    def _do(self, step: Step) -> None:
        row = self._row()
        acts: dict[Step, Callable[[ContainerRow], None]] = {
            Step.REMOVE: self._remove,
            Step.NEW_PORT: self._drop_port,
            Step.BUILD: self._build_image,
            Step.CREATE: self._create,
            Step.START: self._start,
            Step.UNPAUSE: self._unpause,
        }
        acts[step](row)

    def _remove(self, row: ContainerRow) -> None:
        if row.container_id:
            self._bench.engine.remove(row.container_id)
            self._store.change(row.id, container_id=None, name=None, adopted=None)

    def _drop_port(self, row: ContainerRow) -> None:
        self._store.change(row.id, host_port=None)

    def _build_image(self, row: ContainerRow) -> None:
        self._say(BuildStatus.BUILDING, ContainerStatus.BUILDING)
        bench = self._bench
        if bench.engine.find_image(row.app.base_image) is None:
            raise ContainerBuildError(
                f"The base image {row.app.base_image} is not on this host. Make it with docker/build-base.sh, or name "
                "one that is there in SYNAPSE_AGENT_PLAYGROUND_GRADIO_CONTAINER_BASE_IMAGE."
            )
        with bench.locks.hold(row.image):
            self._build_once(row)

    def _build_once(self, row: ContainerRow) -> None:
        bench, settings = self._bench, self._bench.settings
        old = bench.engine.find_image(row.image)
        if old is not None and old.labels.get(CHECKSUM_LABEL) == row.checksum:
            # The release's container for another model was quicker.
            return
        self._write(f"Building {row.image} on {row.app.base_image}")
        index = settings.index_url
        with bench.shelf.unpacked(row.app.archive) as folder, tempfile.TemporaryDirectory(dir=bench.folder) as work:
            context = Path(work) / "context.tar"
            write_context(folder, write_dockerfile(row.app, has_index=index is not None), context)
            order = BuildOrder(
                tag=row.image,
                context=lambda: context.open("rb"),
                dockerfile=DOCKERFILE,
                # Containers inherit it, those of the build too: nothing here may say that they are a record's.
                labels={CHECKSUM_LABEL: row.checksum, IMAGE_LABEL: bench.agent},
                arguments={INDEX_ARGUMENT: index} if index else {},
                memory_bytes=settings.build_memory_bytes,
                seconds=settings.build_seconds,
            )
            bench.engine.build_image(order, self._write)
        if old is not None:
            bench.engine.forget_image(old.id)

    def _create(self, row: ContainerRow) -> None:
        bench = self._bench
        if WarmPool(bench).take(row):
            self._write("A process that was waiting takes it")
            self._start(self._row())
            return
        port = row.host_port
        if port is None:
            ports = range(bench.settings.first_port, bench.settings.last_port + 1)
            port = bench.store.reserve_port(row.id, ports, partial(is_port_free, bench.places.address))
        container_id = bench.engine.create(bench.order(row, port))
        found = bench.engine.inspect(container_id)
        name = found.name if found else None
        if not self._store.change(row.id, container_id=container_id, name=name, adopted=None):
            bench.engine.remove(container_id)
            raise _NotWantedError
        self._start(self._row())

    def _start(self, row: ContainerRow) -> None:
        bench = self._bench
        if row.container_id is None or row.host_port is None:
            raise NoContainerError("The container was removed by somebody else. Create it again.")
        self._say(BuildStatus.STARTING, ContainerStatus.STARTING)
        self._write("Starting the app")
        if row.adopted is None:
            # One of the pool runs; where it has ended, it would only wait for a release again.
            bench.engine.start(row.container_id)
        url = bench.places.own_url(row.host_port)
        is_wanted = partial(self._is_settled, row)
        wait_until_ready(bench.engine, row.container_id, url, seconds=bench.settings.start_seconds, is_wanted=is_wanted)
        if is_wanted() and row.adopted is None:
            bench.engine.keep_running(row.container_id)

    def _unpause(self, row: ContainerRow) -> None:
        if row.container_id:
            self._bench.engine.unpause(row.container_id)

    def _say(self, build: BuildStatus, container: ContainerStatus) -> None:
        self._store.change_build(self._build.id, status=build)
        self._store.change(self._build.row_id, status=container)

    def _finish(self, done: ContainerRow, plan: Plan) -> bool:
        row = self._row()
        endpoint = self._bench.places.endpoint(row.host_port or 0)
        self._write(f"Running at {endpoint}")
        facts = {"is_restarted": int(plan.is_restarted), "recreated": plan.reason}
        is_over = self._store.finish_build(self._build.id, done, **facts)
        if is_over:
            log_event("playground_running", build=self._build.id, record=row.id, container=row.container_id)
        return is_over

    def _give_up_container(self) -> None:
        row = self._store.find(self._build.row_id)
        if row is not None:
            self._remove(row)
