"""Containers that wait with Gradio and a plugin's packages imported, so that an app of these packages answers at once.

Most of what an app takes to start is importing Gradio. A container of the pool has done that and waits for a release on
its input; it is as closed off as any other. It serves one release, once: what was run in it stays in it, so when it
ends it is removed. What a container is made with cannot be changed any more, so its limits and packages must fit.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from synapse_agent.core.event_log import log_event
from synapse_agent.engines.docker.protocol import AGENT_LABEL, WARM_LABEL, ContainerOrder, EngineError, RunState
from synapse_agent.services.containers.image.dockerfile import START, packages_hash
from synapse_agent.services.containers.readiness import is_port_free
from synapse_agent.services.containers.records import AppFacts, ContainerRow, WarmRow
from synapse_agent.services.containers.store import NoPortLeftError
from synapse_sdk.wire.containers import PARAMS_VARIABLE

if TYPE_CHECKING:
    from synapse_agent.services.containers.workshop import Workbench

READY = "synapse: ready for a release"
# The release lies in memory there.
MAX_RELEASE_BYTES = 32 * 2**20
# Variables that are read when modules are imported: what has imported them already would not see these.
EARLY = ("GRADIO_", "PYTHON", "LD_", "HF_", "OMP_", "MKL_", "OPENBLAS_")


def kit_of(app: AppFacts) -> str | None:
    """What a waiting container must have to serve an app: its packages and limits. None where none can."""
    if not app.packages or app.gpus:
        return None
    content = json.dumps([app.base_image, app.packages, app.memory_bytes, app.cpus])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def wanted_kits(rows: list[ContainerRow], size: int) -> dict[str, tuple[ContainerRow, int]]:
    """Which kits shall wait, each with a record that has it, and how many: those used last, one after the other."""
    newest: dict[str, ContainerRow] = {}
    for row in sorted(rows, key=lambda row: row.used_at, reverse=True):
        kit = kit_of(row.app)
        if kit is not None:
            newest.setdefault(kit, row)
    kits = list(newest)[:size]
    return {kit: (newest[kit], len(range(number, size, len(kits)))) for number, kit in enumerate(kits)}


class WarmPool:
    """The pool of one agent. `keep` is the keeper's alone; `take` is anybody's.

    Args:
        bench: Engine and records.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def take(self, row: ContainerRow) -> bool:
        """Let a waiting container run a record's release; False where none fits.

        Raises:
            EngineError: The engine is away.
        """
        kit = kit_of(row.app)
        # A record that has a port keeps it.
        if kit is None or row.host_port is not None or any(name.startswith(EARLY) for name in row.envs):
            return False
        if not any(warm.kit == kit and warm.is_ready for warm in self._bench.store.all_warm()):
            # Unpacking takes long where a release holds weights.
            return False
        with self._bench.shelf.unpacked(row.app.archive) as folder:
            content = write_release(folder, row)
        warm = self._bench.store.adopt(row, kit) if len(content) <= MAX_RELEASE_BYTES else None
        if warm is None:
            return False
        try:
            self._bench.engine.hand_over(warm.container_id, content)
        except EngineError:
            # It ended while it waited; the record goes on without it.
            self._bench.store.change(row.id, container_id=None, host_port=None, adopted=None)
            self._bench.engine.remove(warm.container_id)
            return False
        log_event("playground_warm_taken", record=row.id, container=warm.container_id)
        return True

    def keep(self) -> None:
        """One look: note who is ready, remove who is not wanted any more, add one that is missing.

        Raises:
            EngineError: The engine is away, or refused.
        """
        bench = self._bench
        wanted = wanted_kits(bench.store.all(), bench.settings.warm_pool) if bench.settings.warm_pool else {}
        left = {kit: count for kit, (_, count) in wanted.items()}
        for warm in bench.store.all_warm():
            if left.get(warm.kit, 0) and self._is_waiting(warm):
                left[warm.kit] -= 1
            elif bench.store.forget_warm(warm.container_id):
                bench.engine.remove(warm.container_id)
        if bench.store.active_builds():
            # Each takes a core for seconds, which those who wait for an app need more.
            return
        for kit, count in left.items():
            if count and self._add(kit, wanted[kit][0]):
                return

    def _is_waiting(self, warm: WarmRow) -> bool:
        found = self._bench.engine.inspect(warm.container_id)
        if found is None or found.state is not RunState.RUNNING:
            return False
        if not warm.is_ready and any(text == READY for _, text in self._bench.engine.read_log(warm.container_id, 20)):
            self._bench.store.note_ready(warm.container_id)
        return True

    def _add(self, kit: str, row: ContainerRow) -> bool:
        bench = self._bench
        image = row.app.base_image if row.app.packages == packages_hash(row.app.base_image) else row.image
        if bench.engine.find_image(image) is None:
            return False
        ports = range(bench.settings.first_port, bench.settings.last_port + 1)
        # A place that is reserved and not filled is given up at the next look.
        try:
            place = bench.store.reserve_warm(kit, ports, partial(is_port_free, bench.places.address))
        except NoPortLeftError:
            # Apps have them all.
            return False
        order = bench.order(replace(row, image=image), place.host_port)
        container_id = bench.engine.create(warm_order(order, kit, bench.agent))
        bench.store.fill_warm(place, container_id)
        bench.engine.start(container_id)
        log_event("playground_warm_added", container=container_id, image=image)
        return True


def warm_order(order: ContainerOrder, kit: str, agent: str) -> ContainerOrder:
    """The order of a container that waits, by that of one that would run the release itself."""
    env = {name: value for name, value in order.env.items() if name in COMMON_ENV}
    scratch = {"/tmp": order.scratch["/tmp"], "/app": 4 * MAX_RELEASE_BYTES}  # noqa: S108 - the container's own.
    return replace(
        order,
        env=env,
        labels={AGENT_LABEL: agent, WARM_LABEL: kit},
        scratch=scratch,
        command=("python", "-c", START.read_text(), "--wait"),
    )


# What every app is given; all else comes with its release.
COMMON_ENV = frozenset(
    {"GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "HOME"}
    | {"PYTHONUNBUFFERED"}
)


def write_release(folder: Path, row: ContainerRow) -> bytes:
    """What a waiting container reads: a line that says what comes, and the release as a tar file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in _files(folder):
            tar.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False, filter=_for_everyone)
    content = buffer.getvalue()
    env = {**row.envs, PARAMS_VARIABLE: json.dumps(row.params, ensure_ascii=False)}
    head = {"size": len(content), "env": env, "file": row.app.file, "name": row.app.name}
    return json.dumps(head).encode() + b"\n" + content


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() or path.is_dir())


def _for_everyone(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 65534
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry
