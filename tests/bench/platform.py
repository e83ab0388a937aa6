"""A platform of the benchmark's own: server and worker as people run them, on SQLite, filled with items."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.filling import fill
from tests.bench.measure import Cost, measure
from web_helper.backend.core.database import Database
from web_helper.launcher.home import Home
from web_helper.launcher.platform import Platform

PROJECT = "filled"


@dataclass(frozen=True)
class Bench:
    """A running platform, and a folder to work in."""

    folder: Path
    platform: Platform
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def servers(self) -> dict[str, int]:
        """Process ids by name; the agent has no part in exports."""
        record = self.platform.home.running()
        assert record is not None
        return {name: record.children[name] for name in ("server", "worker")}

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder / 'home' / 'synapse.db'}"

    def fill(self, count: int, name: str = PROJECT, **options: Any) -> int:
        database = Database(self.database_url)
        try:
            return fill(database, name, count, **options)
        finally:
            database.dispose()

    def synapse(self, *arguments: str) -> Cost:
        command = [sys.executable, "-m", "synapse_sdk", *arguments, "--json"]
        return measure(command, servers=self.servers, variables=self.variables)

    def export(self, fmt: str, name: str, *more: str) -> Cost:
        """A delegated export of the filled project's tasks, without images, to `folder / name`."""
        where = ("--project", PROJECT, "--target", "task", "--out", str(self.folder), "--name", name)
        return self.synapse("export", *where, "--format", fmt, "--images", "none", *more)


@contextmanager
def open_bench(folder: Path | None = None) -> Iterator[Bench]:
    """Start a platform in a folder, or in a temporary one."""
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as name:
        home = (folder or Path(name)).resolve()
        with Platform.start(Home(home / "home")) as platform:
            keep = {"SYNAPSE_HOST": platform.url, "SYNAPSE_ACCESS_TOKEN": platform.token}
            yield Bench(home, platform, {**keep, "HOME": os.environ.get("HOME", str(home))})


def summary_of(cost: Cost) -> dict[str, Any]:
    """What `synapse export --json` printed."""
    found: dict[str, Any] = json.loads(cost.output)
    return found


def size_of(path: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
