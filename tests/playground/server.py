"""A server and an agent's playground, each on a port of its own in this process, that know each other."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import uvicorn

from synapse_sdk.wire.agents import hash_agent_key, server_key
from tests.agent.stage import until
from tests.playground.scene import PlaygroundHost
from web_helper.backend.app import create_app
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap


@contextmanager
def listening(app) -> Iterator[str]:
    """An application on a port; answers its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started, 60)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()


class Platform:
    """The server with agents, and people with access tokens.

    Args:
        url: Of the server.
        token: Of the first administrator.
    """

    def __init__(self, url: str, token: str, stack: ExitStack):
        self.url, self.token, self._stack = url, token, stack
        self.admin = self.client(token)
        self.agents: dict[int, str] = {}

    def client(self, token: str | None = None) -> httpx2.Client:
        headers = {"Authorization": f"Token {token}"} if token else {}
        client = httpx2.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)
        return self._stack.enter_context(client)

    def add_agent(self, host: PlaygroundHost, name: str = "host-1") -> int:
        """Serve a playground as an agent of the server, connected; answers its id."""
        registered = self.admin.post("/v2/agents/", json={"name": name, "url": "http://127.0.0.1:9"}).json()["data"]
        host.server_key = server_key(hash_agent_key(registered["token"]))
        url = self._stack.enter_context(listening(self._stack.enter_context(host.served())))
        self.report(registered["token"], url)
        self.agents[registered["id"]] = url
        return registered["id"]

    def report(self, key: str, url: str):
        assert self.admin.post(f"/v2/agents/{key}/connect/", json={"url": url}).status_code == 200

    def upload(self, archive: Path, **form) -> dict:
        """A container of an archive, once its app answers."""
        with archive.open("rb") as content:
            files = {"file": (archive.name, content, "application/zip")}
            answer = self.admin.post("/v2/playground-containers/upload/", data=form, files=files)
        assert answer.status_code in {200, 202}, answer.text
        return self.made(answer.json()["data"])

    def made(self, made: dict) -> dict:
        if made["container"] is not None:
            return made["container"]
        build = made["build"]["id"]
        until(lambda: self.build(build)["status"] in {"completed", "failed"}, 240)
        ended = self.build(build)
        assert ended["status"] == "completed", ended["error"]
        return ended["result"]

    def build(self, build_id: str) -> dict:
        return self.admin.get(f"/v2/playground-builds/{build_id}/").json()["data"]


@contextmanager
def running_platform(folder: Path) -> Iterator[Platform]:
    """A server on its own SQLite file."""
    with ExitStack() as stack:
        settings = Settings(home=folder)
        token = bootstrap(settings).token
        url = stack.enter_context(listening(create_app(settings)))
        yield Platform(url, token, stack)
