"""Bringing a database's schema to a revision: all or nothing, and one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from web_helper.backend.core.database import Database

SCRIPTS = Path(__file__).parents[1] / "migrations"
HEAD, EMPTY = "head", "base"
# Any constant does: it names this lock among PostgreSQL's advisory locks.
MIGRATION_LOCK = 7_305_021


def create_config(connection: Connection) -> Config:
    """Alembic's configuration for one open connection."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS.as_posix())
    config.attributes["connection"] = connection
    return config


def upgrade_database(database: Database, revision: str = HEAD) -> None:
    """Bring the schema up to a revision; does nothing when it is there."""
    with _locked(database) as connection:
        command.upgrade(create_config(connection), revision)


def downgrade_database(database: Database, revision: str = EMPTY) -> None:
    """Bring the schema back to a revision; what only the newer one could hold is lost."""
    with _locked(database) as connection:
        command.downgrade(create_config(connection), revision)


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    # Server and worker may start at once: the later one waits here, and finds nothing left to do.
    with database.engine.execution_options(sqlite_write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        yield connection
