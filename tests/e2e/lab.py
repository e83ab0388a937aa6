"""What the browser looks at in research: components of a test's own, and a worker as a process of its own."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from synapse_sdk.clients.components import ComponentClient
from synapse_sdk.clients.experiments import ExperimentClient
from tests.e2e.site import Site
from tests.middleend.stage import COMPONENTS, WorkerProcess

# A worker starts a process for each run, on two cores that others use, too.
WORKER_MILLISECONDS = 180_000


class Lab:
    """The site's component store and queue; `folder` holds what its worker writes."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.url, self.token, self.folder = site.url, site.token, folder
        self.store = ComponentClient(site.url, site.token)
        self.people = ExperimentClient(site.url, site.token)

    def put(self, contents: dict[str, str], reason: str = "") -> None:
        """Upload and activate."""
        self.store.change([{"path": path, "content": text} for path, text in contents.items()], reason=reason)

    def put_kit(self) -> None:
        """Components that need no torch, and an agent that can be told to wait."""
        self.put(COMPONENTS)

    def active_hash(self, path: str) -> str:
        return next(row["hash"] for row in self.store.list_aliases(path) if row["alias"] == "active")

    @contextmanager
    def worker(self, name: str, *flags: str) -> Iterator[WorkerProcess]:
        worker = WorkerProcess(self, name, {"flags": flags})
        try:
            yield worker
        finally:
            worker.kill()
            worker.kill_runs()

    def close(self) -> None:
        self.store.close()
        self.people.close()


def unique(kind: str) -> str:
    """A name that no other test has."""
    return f"{kind}_{uuid.uuid4().hex[:8]}"


def in_both_themes(page, look: Callable[[], None]) -> None:
    """Look at the page in light and in dark."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        look()
