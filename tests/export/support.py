"""What export tests share: a logger that remembers, and items without a server."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from synapse_sdk.loggers import BaseLogger, LogEntry, ProgressData
from synapse_sdk.plugins.actions.export.output.files import mark_of
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext

_MOMENT = re.compile(rb'  "snapshot": [^\n]*\n')


def mark_partial(folder: Any, job_id: str) -> None:
    """Note beside a folder that this job's export is being written into it, as the export itself does."""
    mark_of(folder).write_bytes(job_id.encode())


class RememberingLogger(BaseLogger):
    """Keeps everything it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[LogEntry] = []
        self.progress: list[tuple[str, float]] = []

    def _write_log(self, entry: LogEntry) -> None:
        self.entries.append(entry)

    def _write_progress(self, step: str, progress: ProgressData) -> None:
        self.progress.append((step, progress.percent))

    def _write_metrics(self, step: str, metrics: dict[str, Any]) -> None: ...

    def events(self, name: str) -> list[dict[str, Any]]:
        return [dict(entry.data) for entry in self.entries if entry.event == name]

    def messages(self) -> list[str]:
        return [entry.data["content"] for entry in self.entries if entry.event == "message"]

    def percents(self, step: str) -> list[float]:
        return [percent for name, percent in self.progress if name == step]


def make_ctx(env: dict[str, str] | None = None, **fields: Any) -> RuntimeContext:
    return RuntimeContext(logger=RememberingLogger(), env=PluginEnvironment(env or {}), **fields)


def make_item(item_id: int, name: str | None = None, *, file: Path | None = None, **changes: Any) -> dict[str, Any]:
    """An item with one box; its original is a file of this machine."""
    files: dict[str, Any] = {}
    if file is not None:
        content = file.read_bytes() if file.exists() else b""
        files = {
            "url": str(file),
            "file_name_original": name or file.name,
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_bytes": len(content),
            "specification": "image",
            "is_primary": True,
        }
    elif name is not None:
        files = {"file_name_original": name}
    unit = {"id": item_id + 1000, "name": name, "width": 100, "height": 80}
    box = {"id": 1, "type": "bbox", "category": "cat", "bbox": [1, 2, 30, 40]}
    item = {"id": item_id, "data": {"annotations": [box]}, "files": files, "data_unit": unit, "tags": []}
    return item | changes


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes; of a record, the moment that it shows is left out.

    Only the server knows moments, and on PostgreSQL two of them differ though nothing was changed between.
    """
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): _MOMENT.sub(b"", data) if path.name == "export.json" else data
        for path, data in ((path, path.read_bytes()) for path in paths)
    }
