"""A PostgreSQL server for the tests: the one that SYNAPSE_TEST_POSTGRES_URL names, or one of our own for this run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.engines.needed import EngineMissingError

URL_VARIABLE = "SYNAPSE_TEST_POSTGRES_URL"
UNPRIVILEGED_USER = "postgres"
START_SECONDS = 180
# Tests throw their data away: nothing has to survive a power cut. A transaction of the server's own, while it looks after
# its tables, holds back what counts as seen (`queries/changes.py`): then a little more than was changed is read again.
OPTIONS = (
    "-c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 "
    "-c autovacuum=off"
)


def find_binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextmanager
def run_postgres() -> Iterator[str]:
    """Yields a SQLAlchemy URL without a database name: append one."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given.rsplit("/", 1)[0] + "/{}"
        return
    binaries = find_binaries()
    if binaries is None:
        raise EngineMissingError(f"no PostgreSQL: set {URL_VARIABLE}, or install its server")
    with _run_own(binaries) as url:
        yield url


@contextmanager
def _run_own(binaries: Path) -> Iterator[str]:
    # initdb refuses root; pytest's own folders are closed to other users.
    user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="synapse-pg-"))
    try:
        if user:
            shutil.chown(home, user, user)
        data = home / "data"
        _run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], user)
        options = f"{OPTIONS} -c unix_socket_directories='{home}'"
        _run(
            [
                binaries / "pg_ctl",
                "-D",
                data,
                "-o",
                options,
                "-l",
                home / "log",
                "-w",
                "-t",
                str(START_SECONDS),
                "start",
            ],
            user,
        )
        try:
            yield f"postgresql+psycopg://postgres@/{{}}?host={quote(str(home), safe='')}"
        finally:
            _run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(command: list, user: str | None) -> None:
    identity = {"user": user, "group": user, "extra_groups": []} if user else {}
    done = subprocess.run(
        [str(part) for part in command], cwd="/", check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **identity,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")
