"""Engine and sessions. SQLite runs in WAL mode with foreign keys; PostgreSQL runs as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Engine, ExceptionContext, QueuePool, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from web_helper.backend.core.problems import ConflictProblem, ValidationProblem
from web_helper.backend.core.turns import Turns

SQLITE_BUSY_SECONDS = 30
# Between short transactions of long work: SQLite has no queue, and who waits for the lock must find it free once. A
# little longer than its longest pause between two looks.
YIELD_SECONDS = 0.12
# What SQLite keeps of each connection's pages by itself, and what is enough to walk along an index.
PAGES_KIB, FEW_PAGES_KIB = 2_000, 256
# PostgreSQL's code for it.
NUMBER_OUT_OF_RANGE = "22003"


def create_database_engine(url: str) -> Engine:
    """Open the database at `url` (SQLite or PostgreSQL). What goes wrong is logged without values: some are secrets."""
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "handle_error", _refuse_large_number)
        return engine
    arguments = {"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False}
    # The last one first: it has the pages that were read last, and another's writing makes it read them again.
    engine = create_engine(url, connect_args=arguments, hide_parameters=True, poolclass=QueuePool, pool_use_lifo=True)
    event.listen(engine, "handle_error", _refuse_large_number)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def interrupter_of(session: Session) -> Callable[[], None]:
    """What another thread calls to end a statement that the session is waiting for; it then fails."""
    driver: Any = session.connection().connection.driver_connection
    interrupt: Callable[[], None] = driver.interrupt if hasattr(driver, "interrupt") else driver.cancel_safe
    return interrupt


def _refuse_large_number(context: ExceptionContext) -> None:
    """No row has a number of more than 64 bits, so it came with the request: as an id in its path, say.

    Raises:
        ValidationProblem: The database takes no such number.
    """
    error = context.original_exception
    if isinstance(error, OverflowError) or getattr(error, "sqlstate", None) == NUMBER_OUT_OF_RANGE:
        raise ValidationProblem("A number in the request is larger than any that is kept here.") from error


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control begins too late for a consistent read: SQLAlchemy emits BEGIN instead.
    connection.isolation_level = None
    # mmap_size=0: mapped pages would count as resident memory during a scan.
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite's own lower() knows ASCII only: a search for "é" would miss "É".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: str | None) -> str | None:
    return text.lower() if isinstance(text, str) else text


def _begin_sqlite(connection: Any) -> None:
    # A transaction that will write takes the lock at once: upgrading a read lock later fails without waiting.
    if connection.get_execution_options().get("sqlite_write", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # Nothing that could fail, before each read: by way of SQLAlchemy it costs more than many a query.
        connection.connection.driver_connection.execute("BEGIN")


class Database:
    """The engine and its sessions; one per process."""

    def __init__(self, url: str) -> None:
        self.engine = create_database_engine(url)
        self._reader = sessionmaker(self.engine, expire_on_commit=False)
        self._writer = sessionmaker(self.engine.execution_options(sqlite_write=True), expire_on_commit=False)
        # SQLite lets one transaction write, and who waits looks again after pauses that grow: of eight at once one had
        # to wait for seconds while others went past. So the writers of this process take turns, and hold no connection
        # while they wait; SQLite has only those of other processes to hold back.
        self._turns = Turns() if self.engine.dialect.name == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for a short read, never committed."""
        with self._reader() as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A session for a long read: everything it sees is one moment's state, on every database."""
        with self._reader() as session:
            if self.engine.dialect.name == "postgresql":
                options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                session.connection(execution_options=options)
            yield session

    @contextmanager
    def pass_through(self) -> Iterator[Session]:
        """A snapshot for reading many rows once: SQLite keeps few of the pages that have been read, and not 2 MB."""
        with self.snapshot() as session:
            if session.get_bind().dialect.name != "sqlite":
                yield session
                return
            driver: Any = session.connection().connection.driver_connection
            driver.execute(f"PRAGMA cache_size=-{FEW_PAGES_KIB}")
            try:
                yield session
            finally:
                # The connection has other users.
                driver.execute(f"PRAGMA cache_size=-{PAGES_KIB}")

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session for one transaction: committed at the end, rolled back on any error.

        Raises:
            ConflictProblem: Another request was faster, or other rows still refer to what was to be deleted.
        """
        try:
            with self._turn(), self._writer.begin() as session:
                yield session
        except IntegrityError as exc:
            raise ConflictProblem(
                "The change collides with what is stored: the same thing exists already, or others refer to this one."
            ) from exc

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.turn(SQLITE_BUSY_SECONDS)

    def ping(self) -> None:
        """Ask the database one thing, and raise when it does not answer."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()
