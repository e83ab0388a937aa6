"""A platform to break, once on SQLite and once on PostgreSQL."""

import os
from collections.abc import Iterator

import pytest

from tests.backend.postgres import run_postgres
from tests.engines.needed import needed
from tests.faults import hostile, kill_log
from tests.faults.bad_storage import run_bad_storage
from tests.faults.stage import Stage, open_stage

FORMATS = ("coco", "yolo", "csv")
# In shards, what is not yet in one lies beside it.
KILLED_FORMATS = (*FORMATS, "webdataset")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if kill_log.KILLED:
        kill_log.write_summary()
        for line in kill_log.summary():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def sqlite_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("stage") / "home"
    with run_bad_storage() as (storage, url), open_stage(home, SYNAPSE_SERVER_BASE_URL=url) as stage:
        storage.target, stage.storage = stage.platform.url, storage
        stage.prepare(tmp_path_factory.mktemp("undisturbed"), *KILLED_FORMATS)
        yield stage


@pytest.fixture(scope="session")
def postgres_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with (
        needed(run_postgres()) as pattern,
        open_stage(tmp_path_factory.mktemp("stage") / "home", fresh_database(pattern)) as stage,
    ):
        stage.prepare(tmp_path_factory.mktemp("undisturbed"), *KILLED_FORMATS)
        yield stage


def fresh_database(pattern: str) -> str:
    from tests.backend.conftest import run_on_server

    name = f"synapse_faults_{os.getpid()}"
    run_on_server(pattern, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    return pattern.format(name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stage(request: pytest.FixtureRequest) -> Stage:
    return request.getfixturevalue(f"{request.param}_stage")


@pytest.fixture(scope="session")
def ids(sqlite_stage: Stage) -> dict[str, int]:
    """Ids of the hostile items, by what is wrong with them."""
    return hostile.put_into(sqlite_stage.database, sqlite_stage.home / "storage")
