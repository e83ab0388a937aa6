"""The schema that the revisions make is the schema of the models, there and back, on both databases."""

import subprocess
import sys

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from web_helper.backend.core.database import Database
from web_helper.backend.core.migrate import SCRIPTS, downgrade_database, newest_revision, upgrade_database
from web_helper.backend.models import Base
from web_helper.backend.services.bootstrap import bootstrap


def differences(database: Database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, Base.metadata)


def test_models_and_revisions_agree(database_url):
    database = Database(database_url)
    assert differences(database) == []
    database.dispose()


def test_downgrading_leaves_nothing_and_upgrading_again_makes_everything(database_url):
    database = Database(database_url)
    downgrade_database(database)
    assert sqlalchemy.inspect(database.engine).get_table_names() == ["alembic_version"]

    upgrade_database(database)

    assert differences(database) == []
    database.dispose()


def test_preparing_an_installation_again_changes_nothing_and_shows_no_second_key(settings):
    first = bootstrap(settings)
    second = bootstrap(settings)

    assert first.token.startswith("syn_")
    assert second.token is None
    database = Database(settings.sqlalchemy_url)
    with database.engine.connect() as connection:
        counts = [connection.scalar(sqlalchemy.text(f"SELECT count(*) FROM {t}")) for t in ("users", "storages")]
    assert counts == [1, 1]
    database.dispose()


def test_the_newest_file_is_the_head():
    assert newest_revision() == ScriptDirectory(SCRIPTS).get_current_head()


def test_a_database_that_is_up_to_date_is_opened_without_the_migration_engine(settings):
    bootstrap(settings)
    code = (
        "import sys; from web_helper.backend.core.settings import Settings;"
        "from web_helper.backend.services.bootstrap import bootstrap;"
        f"bootstrap(Settings(home={str(settings.home)!r}, database_url={settings.sqlalchemy_url!r}));"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
