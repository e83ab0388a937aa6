"""A real server over a real database: every test that asks for `settings` runs on SQLite and on PostgreSQL."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.backend.factories import Maker
from tests.backend.postgres import run_postgres
from tests.engines.needed import needed
from web_helper.backend.app import create_app
from web_helper.backend.core.database import Database
from web_helper.backend.core.migrate import upgrade_database
from web_helper.backend.core.settings import Settings
from web_helper.backend.services.bootstrap import bootstrap

TEMPLATE = "synapse_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file: copying it is faster than migrating for each test."""
    path = tmp_path_factory.mktemp("template") / "synapse.db"
    database = Database(f"sqlite:///{path}")
    upgrade_database(database)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL pattern of a PostgreSQL server that holds a migrated template database."""
    with needed(run_postgres()) as pattern:
        run_on_server(pattern, f"DROP DATABASE IF EXISTS {TEMPLATE}", f"CREATE DATABASE {TEMPLATE}")
        database = Database(pattern.format(TEMPLATE))
        upgrade_database(database)
        database.dispose()
        yield pattern


def run_on_server(pattern: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(pattern.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, migrated database."""
    if request.param == "sqlite":
        (tmp_path / "home").mkdir()
        path = tmp_path / "home" / "synapse.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    pattern = request.getfixturevalue("postgres")
    name = f"synapse_{os.getpid()}_{abs(hash(request.node.nodeid))}"
    run_on_server(pattern, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield pattern.format(name)
    run_on_server(pattern, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=database_url, base_url="http://testserver")


@pytest.fixture
def admin_token(settings: Settings) -> str:
    """Key of the first administrator; asking for it prepares the installation."""
    token = bootstrap(settings).token
    assert token is not None
    return token


@pytest.fixture
def app(settings: Settings, admin_token: str) -> Iterator[FastAPI]:
    app = create_app(settings)
    yield app
    # A test without a client never runs the app's own end.
    app.state.database.dispose()


@pytest.fixture
def client(app: FastAPI, admin_token: str) -> Iterator[TestClient]:
    """A client of the real app, acting for the administrator."""
    headers = {"Authorization": f"Token {admin_token}"}
    with TestClient(app, headers=headers, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def database(app: FastAPI) -> Database:
    """The app's own database, for arranging many rows and for plain SQL as an oracle."""
    return app.state.database


@pytest.fixture
def make(client: TestClient, database: Database, settings: Settings) -> Maker:
    """Makes what a test needs."""
    return Maker(client, database, settings)
