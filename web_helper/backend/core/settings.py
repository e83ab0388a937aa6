"""Settings of the server and its worker: read once from the environment, passed down."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# Where this code lies: a checkout's own `cvlabkit` is beside it.
PACKAGE_ROOT = Path(__file__).parents[3]


class Settings(BaseSettings):
    """One process's settings, from `SYNAPSE_SERVER_*` variables.

    `home` holds everything an installation owns: the SQLite file, the default storage, the signing key.
    """

    model_config = SettingsConfigDict(env_prefix="SYNAPSE_SERVER_", extra="ignore")

    home: Path = Field(Path(".synapse"), description="Folder of the database, the default storage and the secret key.")
    database_url: str | None = Field(None, description="SQLAlchemy URL; default is SQLite in `home`.")
    base_url: str = Field("http://127.0.0.1:8100", description="How clients reach this server; starts signed URLs.")
    inline_max_bytes: int = Field(
        64_000, ge=0, description="Annotation data above this size leaves a presigned bulk answer as a URL."
    )
    signed_url_seconds: int = Field(3600, gt=0, description="Life of a signed URL: long enough for a slow download.")
    session_seconds: int = Field(1_209_600, gt=0, description="A browser is logged out this long after it logged in.")
    max_upload_bytes: int = Field(5 * 2**30, gt=0, description="Largest single file that is accepted.")
    bundle_part_rows: int = Field(50_000, gt=0, description="Rows per JSONL part of an export bundle.")
    bundle_copy_threads: int = Field(
        8, gt=0, description="Original files that a worker copies into a bundle at once, from another storage."
    )
    changes_keep_seconds: int = Field(
        2_592_000, gt=0, description="How long exports of what changed since an earlier one stay possible."
    )
    bundle_keep_seconds: int = Field(86_400, gt=0, description="A finished bundle is deleted after this time.")
    snapshot_keep_seconds: int | None = Field(
        None, gt=0, description="The bundle of a released version is deleted after this time; default is never."
    )
    max_export_streams: int = Field(
        8, gt=0, description="Export streams that one server process serves at once; each holds a database connection."
    )
    metrics_public: bool = Field(
        False, description="Answer /metrics to anyone; default is to whoever has a token that reads."
    )
    heartbeat_seconds: float = Field(
        10, gt=0, description="A silent event stream sends a comment this often, so that proxies keep it open."
    )
    log_keep_seconds: int = Field(
        31_536_000,
        ge=0,
        description="What an experiment printed is deleted this long after its end; its metrics stay. 0 keeps all.",
    )
    max_log_followers: int = Field(
        64, gt=0, description="Logs that one server process lets people follow at once; each asks the database."
    )
    agent_lost_seconds: int = Field(
        3600, gt=0, description="Jobs of an agent that is silent for longer are given up as lost."
    )
    component_root: Path | None = Field(
        None,
        description="Folder that holds `cvlabkit`, whose components a scan registers; default is this program's own.",
    )
    worker_name: str = Field(
        "worker", min_length=1, description="A restarted worker takes up the jobs of the last one with its name."
    )

    @property
    def sqlalchemy_url(self) -> str:
        """URL of the platform's database."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'synapse.db'}"

    @property
    def component_dir(self) -> Path:
        """Folder that a scan of components reads."""
        return (self.component_root or PACKAGE_ROOT).resolve()

    @property
    def storage_dir(self) -> Path:
        """Folder of the default storage."""
        return self.home.resolve() / "storage"

    @property
    def thumbnail_dir(self) -> Path:
        """Folder of thumbnails; it may be emptied at any time."""
        return self.home.resolve() / "thumbnails"
