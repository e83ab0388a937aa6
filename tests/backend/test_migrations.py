"""The schema that the revisions make is the schema of the models, there and back, on both databases."""

import hashlib
import subprocess
import sys
from itertools import pairwise
from operator import itemgetter

import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.backend.factories import boxes
from web_helper.backend.core.database import Database
from web_helper.backend.core.migrate import (
    SCRIPTS,
    downgrade_database,
    newest_revision,
    stored_revision,
    upgrade_database,
)
from web_helper.backend.models import Base, Device, Experiment, ExperimentComponentSet, ExperimentSubmission, Job
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.components.blobs import add_blobs, contents_of, pack_older
from web_helper.backend.services.authentication import add_token
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


def test_each_revision_goes_back_and_forth_over_rows_of_every_kind(make, database):
    """Step by step: down, up and down again, so that each revision meets what the one before it left."""
    fill(make, database)
    steps = [each.revision for each in ScriptDirectory(SCRIPTS).walk_revisions()]
    for revision, before in pairwise([*steps, "base"]):
        downgrade_database(database, before)
        upgrade_database(database, revision)
        assert stored_revision(database) == revision
        downgrade_database(database, before)
    assert sqlalchemy.inspect(database.engine).get_table_names() == ["alembic_version"]
    upgrade_database(database)
    assert differences(database) == []


def fill(make, database: Database) -> None:
    project = make.project()
    tasks = make.tasks(project, 3, files=True, data=boxes("cat"))
    make.tag(project, "night", tasks=tasks, assignments=make.assignments(project, tasks, data=boxes("dog")))
    dataset = make.client.post("/v2/ground-truth-datasets/", json={"project": project["id"], "name": "gold"})
    assert dataset.status_code == 201, dataset.text
    for path, body in (
        ("plugin-exports", {"target": "task", "project": project["id"]}),
        ("dataset-exports", {"target": "task", "project": project["id"], "format": "coco"}),
    ):
        answer = make.client.post(f"/v2/{path}/", json=body)
        assert answer.status_code == 202, answer.text
    with database.write() as session:
        pack_versions(session)


def pack_versions(session) -> dict[str, bytes]:
    """Contents as they lie there after years: each version packed against the one that came after it."""
    versions = [f"value = {number}\n".encode() * 50 for number in range(250)]
    contents = {hashlib.sha256(content).hexdigest(): content for content in versions}
    older = None
    for digest, content in contents.items():
        add_blobs(session, {digest: content}, utc_now())
        if older is not None:
            pack_older(session, {older: digest})
        older = digest
    return contents


def test_packed_contents_of_components_are_plain_in_the_version_before(database):
    with database.write() as session:
        contents = pack_versions(session)
    downgrade_database(database, "0008")
    with database.engine.connect() as connection:
        found = connection.execute(sqlalchemy.text("SELECT sha256, content FROM component_blobs")).all()
    assert {digest: bytes(content) for digest, content in found} == contents
    upgrade_database(database)
    with database.read() as session:
        assert contents_of(session, contents) == contents


def test_experiments_of_an_older_version_took_nothing_of_a_grid_that_is_known(database):
    with database.write() as session:
        submission = ExperimentSubmission(file="old.yaml", config="", grid_size=2)
        session.add_all([submission, ExperimentComponentSet(sha256="0", components={})])
        session.flush()
        known = {
            "submission_id": submission.id,
            "status": "queued",
            "rank": 1,
            "config_sha256": "",
            "component_set": "0",
        }
        session.add(Experiment(uid="old", name="old", project="", config="", choices={"lr": "1"}, **known))
    downgrade_database(database, "0016")
    upgrade_database(database)
    with database.read() as session:
        assert session.scalar(sqlalchemy.select(Experiment.choices)) == {}


def test_moves_of_a_set_that_was_activated_by_its_number_have_rows_in_the_version_before(make, database):
    api, sets = "/api/components/changes", []
    for number in range(3):
        changes = [{"path": path, "content": f"{number}\n"} for path in ("model/a.py", "loss/b.py")]
        sets.append(make.client.post(api, json={"changes": changes}).json()["data"]["id"])
    for number in (sets[0], sets[1]):
        make.client.post(f"{api}/{number}/activate", json={})
    make.client.post("/api/components/rollback", json={"paths": ["loss/b.py"]})
    log = make.client.get(api).json()["data"]
    downgrade_database(database, "0017")
    query = "SELECT change_set_id, count(*) FROM component_alias_changes GROUP BY 1 ORDER BY min(id) DESC"
    with database.engine.connect() as connection:
        found = connection.execute(sqlalchemy.text(query)).all()
    assert [tuple(row) for row in found] == [(each["id"], len(each["changes"])) for each in log]
    upgrade_database(database)
    assert make.client.get(api).json()["data"] == [
        each | {"changes": sorted(each["changes"], key=itemgetter("path"))} for each in log
    ]


def test_keys_that_open_little_do_not_open_more_in_a_version_before(database):
    """What bounds them is in columns that an older version does not have."""
    with database.write() as session:
        device, run = Device(host_id="gpu 1", user_id=1), Job(id="of a plugin", action="train", user_id=1)
        session.add_all([device, run])
        session.flush()
        for fields in ({"device_id": device.id}, {"job_id": run.id}, {"session_of": 1}):
            token, _ = add_token(session, 1, "bound", ["read", "write"])
            for name, value in fields.items():
                setattr(token, name, value)
    downgrade_database(database, "0001")
    with database.engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT id FROM tokens")).scalars().all() == [1]


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
