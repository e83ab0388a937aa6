"""The playground of one agent: what its API asks for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.engines.docker.protocol import (
    ContainerEngine,
    EngineAwayError,
    EngineError,
    NoContainerError,
    RunState,
)
from synapse_agent.services.containers.build_log import BuildLogs
from synapse_agent.services.containers.keeper import Keeper, status_of
from synapse_agent.services.containers.plan import Step, plan_container
from synapse_agent.services.containers.records import UNKNOWN, BuildRow, ContainerRow, Wanted
from synapse_agent.services.containers.releases import ACTION, AppRelease, AppWish, ReleaseShelf
from synapse_agent.services.containers.store import ContainerStore, filter_rows
from synapse_agent.services.containers.workshop import Places, Workbench, Workshop, row_lock
from synapse_sdk.exceptions import ConflictError, NotFoundError, ServerError, ValidationError
from synapse_sdk.utils.file.private import write_private
from synapse_sdk.wire.containers import (
    APP_PORT,
    FINAL_BUILDS,
    BuildRecord,
    BuildStatus,
    ContainerCreate,
    ContainerRecord,
    ContainerStatus,
    ContainerWish,
    EngineHealth,
)

Fetch = Callable[[str], str | None]
# A visit within so short a time of the last one is not noted.
_NOTE_SECONDS = 5.0
FILTERS = frozenset({"status", "plugin_release", "model", "label", "search", "ids", "ids_ex"})


@dataclass(frozen=True)
class Made:
    """The answer to a wish: a container that is there, or the build that makes it."""

    record: ContainerRecord | None = None
    build: BuildRow | None = None


class Playground:
    """Containers, and the builds that make them.

    Args:
        bench: Engine, records and folders.
        fetch: Answers the SHA-256 of a release's archive that it has put on the shelf, by the release's name;
            None when the server does not give it.
    """

    def __init__(self, bench: Workbench, fetch: Fetch) -> None:
        self._bench, self.shelf, self._fetch = bench, bench.shelf, fetch
        self._workshop = Workshop(bench)
        self._keeper = Keeper(bench, self._workshop)

    def start(self) -> None:
        """Go on with builds that were cut off, and keep records and engine in agreement."""
        self.shelf.keep_only({row.app.archive for row in self._bench.store.all()})
        self._bench.logs.forget(self._bench.store.forget_old_builds())
        self._workshop.start()
        self._keeper.start()

    def stop(self) -> None:
        """Containers go on."""
        self._keeper.stop()
        self._workshop.stop()

    def health(self) -> EngineHealth:
        """Whether an engine answers."""
        try:
            info = self._bench.engine.describe()
        except EngineError as exc:
            return EngineHealth(available=False, problem=str(exc))
        problem = None
        base = self._bench.settings.gradio_container_base_image
        if self._bench.engine.find_image(base) is None:
            problem = f"The base image {base} is not on this host: make it with docker/build-base.sh."
        return EngineHealth(
            available=True, engine=info.name, version=info.version, problem=problem, warning=info.warning or None
        )

    def find_release(self, plugin_release: str, model: int | None, wish: AppWish) -> AppRelease:
        """A release by its name: as the server has it, else as an archive that was sent along before.

        Raises:
            ValidationError: Neither the agent nor its server has it.
        """
        sha256 = self._fetch(plugin_release)
        same = [each for each in self._bench.store.all() if each.plugin_release == plugin_release]
        row = next((each for each in same if each.model == model), same[0] if same else None)
        if sha256 is not None and not (row is not None and self._is_described(row, sha256, wish)):
            return self.shelf.describe(sha256, wish)
        if row is None:
            raise ValidationError(
                400,
                f"Neither this agent nor its server has {plugin_release!r}: publish it, or send its archive along "
                "(plugin_file=…, --file).",
            )
        return AppRelease(row.plugin_release, row.image, row.checksum, row.app)

    def create(self, body: ContainerCreate, release: AppRelease) -> Made:
        """Make a container, or restart the one that is there.

        Raises:
            ServerError: No engine answers.
        """
        given = body.model_fields_set
        wanted = Wanted(
            plugin_release=release.plugin_release,
            model=body.model,
            checksum=release.checksum,
            image=release.image,
            app=release.app,
            params=body.params if "params" in given else None,
            envs=body.envs if "envs" in given else None,
            labels=tuple(body.labels) if "labels" in given else None,
            metadata=body.metadata if "metadata" in given else None,
        )
        with engine_refusals():
            # Nothing is noted that nobody can carry out.
            self._bench.engine.ping()
            row = self._bench.store.want(wanted)
            return self._run(row)

    def find_all(self, wishes: Mapping[str, Sequence[str]]) -> list[ContainerRecord]:
        """Records that a list asks for, newest first.

        Raises:
            ValidationError: There is no such filter.
        """
        if unknown := set(wishes) - FILTERS:
            raise ValidationError(400, f"There is no filter {', '.join(sorted(unknown))}; use {_names(FILTERS)}.")
        return [self._record_of(row) for row in filter_rows(self._bench.store.all(), wishes)]

    def get(self, key: str) -> ContainerRecord:
        """One record with all that the engine knows.

        Raises:
            NotFoundError: There is none.
        """
        row = self._find(key)
        try:
            found = self._bench.engine.inspect(row.container_id) if row.container_id else None
        except EngineAwayError:
            return self._record_of(row)
        is_building = self._bench.store.active_build(row.id) is not None
        asked, row = row.container_id, self._find(str(row.id))
        if row.container_id != asked:
            # It was made anew while the engine was asked for the old one.
            return self.get(str(row.id))
        status = status_of(row, found, is_building=is_building) if row.container_id else row.status
        attrs = dict(found.attrs) if found else None
        return self._record_of(row).model_copy(update={"status": status, "attrs": attrs})

    def change(self, key: str, wish: ContainerWish) -> Made:
        """Start, restart, pause or stop a container.

        Raises:
            NotFoundError: There is none.
            ConflictError: It is being built, or is not in a state for this.
        """
        row = self._find(key)
        with engine_refusals():
            if wish is not ContainerWish.RUNNING:
                with self._bench.locks.hold(row_lock(row.id)):
                    self._halt(row, wish)
            if wish in {ContainerWish.RUNNING, ContainerWish.RESTARTED}:
                return self._run(row)
        return Made(record=self.get(str(row.id)))

    def wake(self, key: str) -> str:
        """Where an app answers, for this agent itself; one that is paused goes on.

        Raises:
            NotFoundError: There is none.
            ConflictError: It does not run.
        """
        row = self._find(key)
        # What is looked at less often than it is used would be paused under its visitors' hands.
        if row.status is ContainerStatus.PAUSED or time.time() - row.used_at > _NOTE_SECONDS:
            with engine_refusals(), self._bench.locks.hold(row_lock(row.id)):
                row = self._find(key)
                is_idle = self._bench.store.active_build(row.id) is None
                if row.status is ContainerStatus.PAUSED and row.container_id and is_idle:
                    self._bench.engine.unpause(row.container_id)
                    self._bench.store.change(row.id, status=ContainerStatus.RUNNING)
                self._bench.store.change(row.id, used_at=time.time())
            row = self._find(key)
        if row.status is not ContainerStatus.RUNNING or row.host_port is None:
            raise ConflictError(409, f"{row.plugin_release} does not run, it is {row.status.value}: start it first.")
        return self._bench.places.own_url(row.host_port or 0)

    def delete(self, key: str) -> None:
        """Stop a container, remove it and forget it.

        Raises:
            NotFoundError: There is none.
        """
        row = self._find(key)
        with engine_refusals():
            self._bench.engine.ping()
            # The record first: what is then left of it in the engine is an orphan, which is removed.
            row = self._bench.store.delete(row.id) or row
            if row.container_id:
                self._bench.engine.remove(row.container_id)
        archive = row.app.archive
        self.shelf.forget(archive, lambda: any(each.app.archive == archive for each in self._bench.store.all()))

    def read_log(self, key: str, tail: int, since: str = "") -> Sequence[tuple[str, str]]:
        """What an app has printed lately, each line with its time.

        Raises:
            NotFoundError: There is no such container.
        """
        row = self._find(key)
        with engine_refusals(), suppress(NoContainerError):
            return self._bench.engine.read_log(row.container_id, tail, since) if row.container_id else []
        return []

    def is_there(self, key: str) -> bool:
        """Whether there is such a record."""
        return self._bench.store.search(key) is not None

    def build(self, build_id: str) -> BuildRecord:
        """One build.

        Raises:
            NotFoundError: There is none.
        """
        build = self._bench.store.find_build(build_id)
        if build is None:
            raise NotFoundError(404, f"This agent has no build {build_id!r}, or does not keep it any more.")
        row = self._bench.store.find(build.row_id)
        result = None
        if build.status is BuildStatus.COMPLETED and row is not None:
            result = self._record_of(row).model_copy(
                update={"restarted": build.is_restarted or None, "recreated": build.recreated}
            )
        return BuildRecord(
            id=build.id,
            plugin_release=build.plugin_release,
            status=build.status,
            result=result,
            error=build.error,
            created_at=build.created_at,
            updated_at=build.updated_at,
        )

    def read_build_log(self, build_id: str, position: int) -> tuple[list[tuple[int, str]], bool]:
        """A build's lines from a position on, and whether there will be more."""
        # First whether it is over, then what it printed: the other way round, last lines would be missed.
        is_over = self.build(build_id).status in FINAL_BUILDS
        lines = self._bench.logs.read(build_id, position)
        return lines, is_over and not lines

    def _is_described(self, row: ContainerRow, sha256: str, wish: AppWish) -> bool:
        """Whether a record says what the archive would say: to unpack it takes long where it holds weights."""
        is_usual = row.app.base_image == self._bench.settings.gradio_container_base_image
        return row.app.archive == sha256 and is_usual and wish.action in {None, ACTION}

    def _run(self, row: ContainerRow) -> Made:
        store = self._bench.store
        with self._bench.locks.hold(row_lock(row.id)):
            # Read again: it may have been stopped, or let rest, while this waited.
            row, is_building = store.find(row.id) or row, store.active_build(row.id) is not None
            plan = plan_container(row, self._bench.look(row, is_building=is_building))
            if plan.steps == (Step.UNPAUSE,) and row.container_id:
                self._bench.engine.unpause(row.container_id)
            elif plan.steps:
                return self._begin_build(row)
            store.change(row.id, status=ContainerStatus.RUNNING, error=None, used_at=time.time())
        record = self._record_of(store.find(row.id) or row)
        return Made(record=record.model_copy(update={"restarted": True}))

    def _begin_build(self, row: ContainerRow) -> Made:
        try:
            build, is_new = self._bench.store.begin_build(row.id)
        except LookupError as exc:
            raise ConflictError(409, f"{row.plugin_release} was removed meanwhile; create it again.") from exc
        if is_new:
            self._workshop.submit(build)
        return Made(build=build)

    def _halt(self, row: ContainerRow, wish: ContainerWish) -> None:
        if self._bench.store.active_build(row.id) is not None:
            raise ConflictError(409, f"{row.plugin_release} is being built: wait until it runs, or remove it.")
        row = self._bench.store.find(row.id) or row
        found = self._bench.engine.inspect(row.container_id) if row.container_id else None
        if row.container_id is None or found is None:
            if wish is ContainerWish.RESTARTED:
                return
            raise ConflictError(409, "The container is not in the engine any more: create it again.")
        if wish is ContainerWish.PAUSED:
            if found.state is not RunState.PAUSED:
                self._bench.engine.pause(row.container_id)
            # What it has received until now is nobody's call, which would wake it again.
            usage = self._bench.engine.usage(row.container_id)
            marks = {
                "received": UNKNOWN if usage is None else usage.received,
                "waiting": self._bench.engine.waiting(row.container_id, APP_PORT) or 0,
            }
            self._bench.store.change(row.id, status=ContainerStatus.PAUSED, **marks)
            return
        self._bench.engine.stop(row.container_id, self._bench.settings.stop_seconds)
        self._bench.store.change(row.id, status=ContainerStatus.STOPPED)

    def _find(self, key: str) -> ContainerRow:
        row = self._bench.store.search(key)
        if row is None:
            raise NotFoundError(404, f"This agent has no container {key!r}; `synapse playground list` shows them.")
        return row

    def _record_of(self, row: ContainerRow) -> ContainerRecord:
        is_up = row.status in {ContainerStatus.RUNNING, ContainerStatus.PAUSED} and row.host_port is not None
        return ContainerRecord(
            id=row.container_id or str(row.id),
            record=row.id,
            container_id=row.container_id,
            name=row.name,
            status=row.status,
            image=row.image,
            endpoint=self._bench.places.endpoint(row.host_port or 0) if is_up else None,
            plugin_release=row.plugin_release,
            model=row.model,
            host_port=row.host_port,
            params=dict(row.params),
            labels=list(row.labels),
            metadata=dict(row.metadata),
            error=row.error,
            build_id=row.build_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


@contextmanager
def engine_refusals() -> Iterator[None]:
    """What an engine refuses leaves the block as an answer: 503 where none answers, else 409 with its words."""
    try:
        yield
    except EngineAwayError as exc:
        raise ServerError(503, str(exc)) from exc
    except EngineError as exc:
        raise ConflictError(409, f"The container engine refused: {exc}") from exc


def open_playground(
    home: Path, settings: PlaygroundSettings, *, engine: ContainerEngine, places: Places, fetch: Fetch
) -> Playground:
    """The playground of an agent; nothing runs yet."""
    folder = home / "playground"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    bench = Workbench(
        engine=engine,
        store=ContainerStore(folder / "playground.db"),
        shelf=ReleaseShelf(folder / "archives", settings),
        logs=BuildLogs(folder / "builds"),
        settings=settings,
        places=places,
        agent=_own_mark(folder / "mark"),
        folder=folder,
    )
    return Playground(bench, fetch)


def _own_mark(path: Path) -> str:
    """A word that this agent's containers carry, the same after each start."""
    if not path.exists():
        write_private(path, uuid.uuid4().hex.encode())
    return path.read_text().strip()


def _names(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
