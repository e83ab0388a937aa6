"""A playground behind its own API, with whichever engine a test gives it, and releases made on the spot."""

import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import SimpleNamespace

from fastapi import Depends, FastAPI

from synapse_agent.api import containers, playground_apps, serve_applications
from synapse_agent.api.access import require_token_or_server
from synapse_agent.api.health import router as health_router
from synapse_agent.core.playground_settings import PlaygroundSettings
from synapse_agent.services.containers.playground import open_playground
from synapse_agent.services.containers.workshop import Places
from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.exceptions import SynapseError
from synapse_sdk.testing import InProcessTransport

TOKEN = "syn_test-token-of-this-agent"
APP = """\
import gradio as gr

demo = gr.Interface(fn=lambda text: text[::-1], inputs="text", outputs="text")

if __name__ == "__main__":
    demo.launch(server_name="0.0.0.0", server_port=7860)
"""
CONFIG = """\
code: {code}
name: My Plugin
version: {version}
category: neural_net

actions:
  gradio:
    entrypoint: {entrypoint}
    method: job
"""


def write_release(
    folder: Path,
    *,
    code: str = "my-plugin",
    version: str = "1.0.0",
    app: str = APP,
    requirements: str = "",
    entrypoint: str = "plugin.gradio_interface.app",
    files: dict[str, str] | None = None,
) -> Path:
    """A release's archive."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{code}-{version}.zip"
    content = {
        "config.yaml": CONFIG.format(code=code, version=version, entrypoint=entrypoint),
        "plugin/__init__.py": "",
        "plugin/gradio_interface.py": app,
        "requirements.txt": requirements,
        **(files or {}),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in content.items():
            zipped.writestr(name, text)
    return path


@asynccontextmanager
async def _closing(app: FastAPI) -> AsyncIterator[None]:
    yield
    await playground_apps.close_client(app)


class PlaygroundHost:
    """A playground and its API; `restart` is what a killed and restarted agent is like."""

    def __init__(self, home: Path, engine, *, fetch=None, **settings):
        self.home, self.engine, self.fetch = home, engine, fetch or (lambda _name: None)
        # Not the first ports of the range: agents of other tests, which run beside these, take them as theirs are free.
        own = {"look_seconds": 0.2, "stop_seconds": 1, "first_port": 8200}
        self.settings = PlaygroundSettings(**own | settings)
        self.tags: set[str] = set()
        self.server_key = "the key of a server that nobody has"

    @property
    def mark(self) -> str:
        """What this agent's containers are labelled with."""
        path = self.home / "playground" / "mark"
        return path.read_text().strip() if path.exists() else "none yet"

    def open(self):
        return open_playground(
            self.home,
            self.settings,
            engine=self.engine,
            places=Places("127.0.0.1", "127.0.0.1"),
            fetch=self.fetch,
        )

    @contextmanager
    def served(self) -> Iterator[FastAPI]:
        """The playground's API; its builds and its keeper run."""
        self.playground = self.open()
        app = FastAPI(lifespan=_closing)
        app.state.playground, app.state.api_token, app.state.server_key = self.playground, TOKEN, self.server_key
        app.state.heartbeat = app.state.dispatcher = SimpleNamespace(last_heard=None, problem=None)
        app.include_router(health_router)
        for router in (containers.router, playground_apps.router):
            app.include_router(router, dependencies=[Depends(require_token_or_server)])
        app.add_exception_handler(SynapseError, serve_applications.explain)
        self.playground.start()
        try:
            yield app
        finally:
            self.tags |= {record.image for record in self.playground.find_all({})}
            self.playground.stop()

    @contextmanager
    def client(self) -> Iterator[AgentClient]:
        """The real client on the real API, in this process."""
        with (
            self.served() as app,
            InProcessTransport(app) as transport,
            AgentClient(host="http://agent", token=TOKEN, transport=transport) as client,
        ):
            yield client
