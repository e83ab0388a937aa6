"""Bringing a database's schema to a revision: all or nothing, and one process at a time.

Alembic is imported only when there is something to do: it costs a process 14 MB for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

from web_helper.backend.core.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parents[1] / "migrations"
HEAD, EMPTY = "head", "base"
# Any constant does: it names this lock among PostgreSQL's advisory locks.
MIGRATION_LOCK = 7_305_021


def create_config(connection: Connection) -> Config:
    """Alembic's configuration for one open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", SCRIPTS.as_posix())
    config.attributes["connection"] = connection
    return config


def upgrade_database(database: Database, revision: str = HEAD) -> None:
    """Bring the schema up to a revision; does nothing when it is there."""
    if revision == HEAD and stored_revision(database) == newest_revision():
        return
    from alembic import command

    with _locked(database) as connection:
        command.upgrade(create_config(connection), revision)


def downgrade_database(database: Database, revision: str = EMPTY) -> None:
    """Bring the schema back to a revision; what only the newer one could hold is lost."""
    from alembic import command

    with _locked(database) as connection:
        command.downgrade(create_config(connection), revision)


def newest_revision() -> str:
    """The revision that this code needs: files are named by ascending numbers, which are their revisions."""
    return max(path.name for path in (SCRIPTS / "versions").glob("[0-9]*.py")).split("_", 1)[0]


def stored_revision(database: Database) -> str | None:
    """The revision of the database; None when it is empty."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return found


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    # Server and worker may start at once: the later one waits here, and finds nothing left to do.
    with database.engine.execution_options(sqlite_write=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        yield connection
