"""What an agent keeps of the applications that a cluster serves for it, so that it finds them again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, Field, JsonValue, ValidationError

from synapse_agent.engines.serving.records import folder_of
from synapse_sdk.utils.file.private import write_private
from synapse_sdk.wire.serve import ServeDeploy, ServeStatus

RECORD = "ray_application.json"


class Deployment(BaseModel):
    """One revision of an application, and how it was declared to Ray Serve."""

    spec: ServeDeploy
    revision: int
    config: dict[str, JsonValue] = {}


class RayApplication(BaseModel):
    """One application.

    Attributes:
        wanted: What was asked for last.
        former: What answered before, until `wanted` has run.
        was_ready: Whether `wanted` has run.
        failure: Why `wanted` was given up by the agent.
        declared: When `wanted` was handed to the cluster.
    """

    wanted: Deployment
    former: Deployment | None = None
    was_ready: bool = False
    failure: str = ""
    is_deleting: bool = False
    status: ServeStatus = ServeStatus.DEPLOYING
    message: str = ""
    replicas: int = 0
    changed: datetime = Field(default_factory=lambda: datetime.now(UTC))
    declared: datetime = Field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        return self.wanted.spec.name

    @property
    def current(self) -> Deployment | None:
        """What the cluster is to serve: nothing where the only revision was given up."""
        if self.is_deleting:
            return None
        return self.former if self.failure else self.wanted

    def note(self, status: ServeStatus, message: str, replicas: int) -> bool:
        """Take in how it is; whether that is news."""
        if (status, message, replicas) == (self.status, self.message, self.replicas):
            return False
        self.status, self.message, self.replicas = status, message, replicas
        self.changed = datetime.now(UTC)
        return True

    def save(self, home: Path) -> None:
        """Write beside and rename."""
        folder = folder_of(home, self.name)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(folder / RECORD, self.model_dump_json().encode())

    def forget(self, home: Path) -> None:
        """It is gone from the cluster."""
        (folder_of(home, self.name) / RECORD).unlink(missing_ok=True)


def load_applications(home: Path) -> dict[str, RayApplication]:
    """All applications by name; one whose record is unreadable is left out."""
    found = {}
    for path in sorted(home.glob(f"*/{RECORD}")):
        try:
            application = RayApplication.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        found[application.name] = application
    return found
