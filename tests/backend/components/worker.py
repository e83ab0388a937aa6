"""A worker for tests: a working tree, its manager, and a network that can be watched."""

import httpx2

from synapse_sdk.components.names import parse_component_path
from web_helper.middleend.component_manager import ComponentManager

CONFIG = """\
project: digits
model: net(width=8)
loss: ce
"""


class Recorder(httpx2.BaseTransport):
    """Counts requests, and lets a test do something between an answer and its arrival."""

    def __init__(self, inner: httpx2.BaseTransport) -> None:
        self.inner = inner
        self.requests: list[str] = []
        self.after_answer = lambda path: None

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/components")
        self.requests.append(path)
        response = self.inner.handle_request(request)
        self.after_answer(path)
        return response


class Worker:
    """A working tree and its manager."""

    def __init__(self, root, transport, token) -> None:
        root.mkdir()
        self.root = root
        self.config = root / "config.yaml"
        self.config.write_text(CONFIG)
        self.network = Recorder(transport)
        self.token = token
        self.start()

    def start(self) -> None:
        """As a new process does: with a manager that knows what lies on the disk."""
        self.manager = ComponentManager("http://testserver", self.root, self.token, transport=self.network)

    def sync(self, strategy=None):
        return self.manager.sync_with_strategy(self.config, strategy)

    def put(self, path: str, content: str) -> None:
        file = self.root / parse_component_path(path).file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode())

    def get(self, path: str) -> str | None:
        file = self.root / parse_component_path(path).file
        return file.read_bytes().decode() if file.exists() else None

    def kept(self) -> list[str]:
        return [file.read_text() for file in (self.root / ".synapse" / "components" / "kept").rglob("*.py")]

    def files(self) -> dict[str, bytes]:
        return {str(file): file.read_bytes() for file in self.root.rglob("*") if file.is_file()}
