"""A worker in a thread, in front of the real server's app in this process."""

import shutil
import threading

import pytest

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.experiments import ExperimentClient
from synapse_sdk.testing import InProcessTransport
from tests.backend.conftest import admin_token, app, client, database, make, settings, sqlite_template  # noqa: F401
from tests.cvlabkit.tree import CONFIG
from tests.middleend.kit import until
from tests.middleend.stage import COMPONENTS, ENDED
from web_helper.middleend.device_agent import DeviceAgent, WorkerSettings, join_server
from web_helper.middleend.worker import job as job_module

URL = "http://testserver"


@pytest.fixture
def database_url(sqlite_template, tmp_path):  # noqa: F811 - a fixture
    """SQLite only: what is tested here is the worker."""
    (tmp_path / "home").mkdir()
    shutil.copy(sqlite_template, tmp_path / "home" / "synapse.db")
    return f"sqlite:///{tmp_path / 'home' / 'synapse.db'}"


@pytest.fixture
def transport(app, client):  # noqa: F811 - a fixture
    with InProcessTransport(app) as transport:
        yield transport


class Lab:
    """One server, its components, and workers as a test asks for them."""

    def __init__(self, transport, token, folder):
        self.transport, self.token, self.folder = transport, token, folder
        self.experiments = ExperimentClient(URL, token, transport=transport)
        self.components = ComponentClient(URL, token, transport=transport)
        self.agents: list[tuple[DeviceAgent, threading.Thread]] = []
        self.events: list[dict] = []
        self.put(COMPONENTS)

    def put(self, contents):
        self.components.change([{"path": path, "content": text} for path, text in contents.items()])

    def submit(self, config=CONFIG, **options):
        (made,) = self.experiments.submit(config, **options)
        return made["uid"]

    def status(self, uid):
        return self.show(uid)["status"]

    def show(self, uid):
        return self.experiments.get_experiment(uid)

    def wait(self, uid, *statuses):
        wanted = set(statuses) or ENDED
        return until(
            lambda: (row := self.show(uid))["status"] in wanted and row, explain=lambda: (self.show(uid), self.events)
        )

    def log(self, uid):
        return "".join(event["text"] for event in self.experiments.follow_log(uid, follow=False))

    def metrics(self, uid):
        return self.experiments.get_metrics(uid)["rows"]

    def told(self, event):
        return [each for each in self.events if each["event"] == event]

    def settings(self, name="gpu-1", **options):
        given = {"heartbeat_seconds": 0.2, "poll_seconds": 0.1, "stop_seconds": 2.0, **options}
        return WorkerSettings(URL, self.folder / name, **given)

    def agent(self, name="gpu-1", *, transport=None, **options):
        chosen = self.settings(name, **options)
        host = join_server(chosen, name=name, token=self.token, transport=self.transport)

        def tell(event, **fields):
            self.events.append({"event": event, **fields})

        agent = DeviceAgent(chosen, host, tell, transport=transport or self.transport)
        thread = threading.Thread(target=agent.run, name=name)
        thread.start()
        self.agents.append((agent, thread))
        return agent

    def stop(self):
        """Every worker, and what it runs."""
        for agent, thread in self.agents:
            agent.stop()
            thread.join(60)
            assert not thread.is_alive()
        self.agents.clear()


@pytest.fixture
def lab(transport, admin_token, tmp_path, monkeypatch):  # noqa: F811 - a fixture
    monkeypatch.setattr(job_module, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(job_module, "LOOK_SECONDS", 0.05)
    made = Lab(transport, admin_token, tmp_path / "lab")
    yield made
    made.stop()
    made.experiments.close()
    made.components.close()
