"""The real server and the worker's real job code, in this process, behind the real clients."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx2
from sqlalchemy import select

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.plugins.actions.export import ExportAction
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.testing import Fault, FaultyTransport, InProcessTransport
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.jobs import AsyncJobStatus
from tests.backend.factories import Maker
from tests.export.support import make_ctx
from web_helper.backend.app import create_app
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.jobs.export_job import ExportJob
from web_helper.backend.models import AsyncJob, Storage
from web_helper.backend.services.bootstrap import bootstrap

BASE_URL = "http://testserver"
QUICK = RetryPolicy(retries=3, backoff_seconds=0)
# A test does not wait as patiently as an export does.
FAST = {"page_retry_backoff": 0, "throttle_seconds": 0}


class Worker:
    """Runs queued export jobs as the durable workflow does: build, finish, clean up.

    Attributes:
        is_paused: Set, it takes no job that is made from then on: one that it looks for at this moment is waited for.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._job = database, ExportJob(database, settings)
        self._stop = threading.Event()
        self._round = threading.Lock()
        self._is_paused = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    @is_paused.setter
    def is_paused(self, value: bool) -> None:
        with self._round:
            self._is_paused = value

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            with self._round:
                if not self._is_paused:
                    self._do_round()

    def _do_round(self) -> None:
        with self._database.read() as session:
            queued = session.scalars(select(AsyncJob.id).where(AsyncJob.status == AsyncJobStatus.QUEUED)).all()
        for job_id in queued:
            built = self._job.build(job_id)
            if built is not None:
                self._job.finish(job_id, built)
            self._job.clean_up(job_id)


@dataclass
class Installation:
    """A running server with its worker; tests share it and make projects of their own."""

    settings: Settings
    database: Database
    transport: InProcessTransport
    token: str
    make: Maker
    worker: Worker


class Platform:
    """One test's view of an installation: its exports go to a storage of its own, below `outputs`."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self.settings, self.database = installation.settings, installation.database
        self.make, self.worker = installation.make, installation.worker
        self._installation = installation
        self.outputs = folder / "outputs"
        folder.mkdir(parents=True, exist_ok=True)
        storage = {"name": str(folder), "provider": "file_system", "configuration": {"location": str(folder)}}
        self.storage_id = self.ctx().v2_client.storages.create(**storage)["id"]

    def ctx(self, *faults: Fault, env: dict[str, str] | None = None, **fields: Any) -> RuntimeContext:
        """A run's context whose wire has these faults; `wire_of(ctx)` lists what was asked."""
        wire = FaultyTransport(self._installation.transport, faults)
        token = self._installation.token
        clients = {
            "client": BackendClient(BASE_URL, token, retry=QUICK, transport=wire),
            "v2_client": BackendV2Client(BASE_URL, access_token=token, retry=QUICK, transport=wire),
        }
        return make_ctx(env, **(clients | fields))

    def params(self, project: int | None = None, **changes: Any) -> dict[str, Any]:
        """Raw parameters of an export of tasks."""
        base = {
            "name": "out",
            "storage": self.storage_id,
            "path": "outputs",
            "target": "task",
            "filter": {"project": project},
        }
        return base | FAST | changes

    @property
    def bundle_storage_id(self) -> int:
        """The storage that the server writes bundles to."""
        with self.database.read() as session:
            return session.scalars(select(Storage.id).where(Storage.is_default)).one()

    def last_job(self) -> AsyncJob:
        """The newest export job of the server."""
        with self.database.read() as session:
            return session.scalars(select(AsyncJob).order_by(AsyncJob.created.desc()).limit(1)).one()

    def job_count(self) -> int:
        with self.database.read() as session:
            return len(session.scalars(select(AsyncJob.id)).all())


def wire_of(ctx: RuntimeContext) -> FaultyTransport:
    """What carries a context's requests."""
    return ctx.client._transport


def export(platform: Platform, ctx: RuntimeContext, action: Any = ExportAction, **params: Any) -> dict[str, Any]:
    """Run an export; that the in-process head is deprecated is a test of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return action.dispatch(platform.params(**params), ctx)


@contextmanager
def open_installation(home: Path, **settings: Any) -> Iterator[Installation]:
    chosen = Settings(home=home, base_url=BASE_URL, **settings)
    token = bootstrap(chosen).token
    with InProcessTransport(create_app(chosen)) as transport:
        database = Database(chosen.sqlalchemy_url)
        headers = {"Authorization": f"Token {token}"}
        http = httpx2.Client(base_url=BASE_URL, transport=_Shared(transport), headers=headers)
        with http, Worker(database, chosen) as worker:
            yield Installation(chosen, database, transport, token, Maker(http, database, chosen), worker)
        database.dispose()


class _Shared(httpx2.BaseTransport):
    """A transport that stays open when one of its clients closes."""

    def __init__(self, transport: InProcessTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._transport.handle_request(request)
