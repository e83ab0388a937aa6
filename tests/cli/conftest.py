"""The real command line against a real server in a thread: what a person types is what is tested."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import pytest
import uvicorn
from typer.testing import CliRunner, Result

from synapse_sdk.cli import connection, main
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.utils.auth import create_backend_v2_client
from tests.export.platform import Worker
from web_helper.backend.app import create_app
from web_helper.backend.core.database import Database
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

RACCOON = Path(__file__).parents[3] / "shared" / "data" / "raccoon"
START_SECONDS = 120


@dataclass(frozen=True)
class Platform:
    """A running server and its first administrator's key."""

    url: str
    token: str
    settings: Settings

    def v1(self) -> BackendClient:
        return BackendClient(self.url, self.token)

    def v2(self) -> BackendV2Client:
        return BackendV2Client(self.url, access_token=self.token)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings(home=tmp_path_factory.mktemp("platform"), database_url=None, base_url=url)
    token = bootstrap(settings).token
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.started, "the server did not start"
    assert token
    yield Platform(url, token, settings)
    server.should_exit = True
    thread.join(START_SECONDS)
    listener.close()


@pytest.fixture(scope="session")
def worker(platform: Platform) -> Iterator[Worker]:
    """Does the server's jobs, in a thread."""
    database = Database(platform.settings.sqlalchemy_url)
    with Worker(database, platform.settings) as running:
        yield running
    database.dispose()


@pytest.fixture(autouse=True)
def config_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No test reads or writes the developer's own credentials."""
    for name in ("SYNAPSE_HOST", "SYNAPSE_ACCESS_TOKEN", "SYNAPSE_PLUGIN_RUN_USER_TOKEN", "SYNAPSE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config" / "config.json"
    for module in ("synapse_sdk.utils.auth", "synapse_sdk.cli.doctor", "synapse_sdk.cli.login"):
        monkeypatch.setattr(f"{module}.CONFIG_FILE", path)
    return path


class Shell:
    """Types commands. `json` also decodes what a command prints for scripts."""

    def __call__(self, *arguments: object, **options: object) -> Result:
        return CliRunner().invoke(main.build_app(extensions=[]), [str(each) for each in arguments], **options)

    def json(self, *arguments: object, exit_code: int = 0):
        result = self(*arguments, "--json")
        assert result.exit_code == exit_code, result.output
        return json.loads(result.stdout)


@pytest.fixture
def synapse(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell that is logged in by its environment."""
    monkeypatch.setenv("SYNAPSE_HOST", platform.url)
    monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", platform.token)
    return Shell()


@pytest.fixture
def stranger() -> Shell:
    """A shell without credentials."""
    return Shell()


@pytest.fixture
def raccoon() -> Path:
    if not (RACCOON / "annotations").is_dir():
        pytest.skip(f"the raccoon data set is not beside this checkout ({RACCOON})")
    return RACCOON


@pytest.fixture
def disturb(monkeypatch):
    """Puts a disturbed transport under the client of every following command, until it is replaced by None."""
    network = httpx2.HTTPTransport()

    def put(wrap: Callable[[httpx2.BaseTransport], httpx2.BaseTransport] | None):
        factory = partial(create_backend_v2_client, transport=wrap and wrap(network))
        monkeypatch.setattr(connection, "create_backend_v2_client", factory)

    yield put
    network.close()
