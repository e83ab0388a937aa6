"""What an agent keeps of its applications on disk, so that one that was killed finds them again."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from synapse_sdk.utils.file.private import write_private
from synapse_sdk.wire.serve import ServeDeploy, ServeStatus


class ReplicaRecord(BaseModel):
    """One replica process: its id is the mark in its environment, `start` the kernel's time of its start."""

    id: str
    pid: int
    start: int
    revision: int
    gpus: dict[str, float] = {}


class ApplicationRecord(BaseModel):
    """One application: what is wanted, what came of it, and which processes serve it."""

    spec: ServeDeploy
    revision: int = 1
    port: int = 0
    was_ready: bool = False
    failure: str = ""
    is_deleting: bool = False
    status: ServeStatus = ServeStatus.NOT_STARTED
    message: str = ""
    changed: datetime = Field(default_factory=lambda: datetime.now(UTC))
    replicas: list[ReplicaRecord] = []

    def save(self, folder: Path) -> None:
        """Write beside and rename: a kill in between leaves the former record."""
        write_private(folder / "application.json", self.model_dump_json().encode())


def folder_of(home: Path, name: str) -> Path:
    """Folder of one application's files."""
    return home / hashlib.sha256(name.encode()).hexdigest()[:16]


def load_records(home: Path) -> list[ApplicationRecord]:
    """All applications of this host; one whose record is unreadable is left out."""
    records = []
    for path in sorted(home.glob("*/application.json")):
        try:
            records.append(ApplicationRecord.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError):
            continue
    return records


def load_key(path: Path) -> str:
    """The key of this host's replicas; made at its first use."""
    try:
        return path.read_text()
    except FileNotFoundError:
        key = secrets.token_urlsafe(32)
        write_private(path, key.encode())
        return key
