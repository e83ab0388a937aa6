"""The log of changes: whatever changes an exported line is in it, however it was written."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import text

from synapse_sdk.wire.bundle import ExportTarget
from tests.backend.factories import boxes, stored
from tests.backend.lines import read_lines
from web_helper.backend.core.migrate import downgrade_database, upgrade_database
from web_helper.backend.models import WorkStatus
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries import changes
from web_helper.backend.queries.changes import Scope, changed_rows, read_position

TABLES = ("tasks", "assignments", "ground_truth_events", "task_tags", "assignment_tags", "data_unit_files",
          "data_units", "data_files", "tags")  # fmt: skip
ROUNDS = 40


@pytest.fixture
def project(make, client):
    """Tasks with files and tags, their assignments, and the ground truth that was collected from them."""
    project = make.project()
    tasks = make.tasks(project, 6, files=True, data=boxes("cat"))
    assignments = make.assignments(project, tasks, data=boxes("cat"), status_label=WorkStatus.COMPLETED)
    make.tag(project, "a", tasks=tasks[:3], assignments=assignments[:2])
    make.tag(project, "b", tasks=tasks[2:4], assignments=assignments[1:5])
    body = {"project": project["id"], "name": "gold"}
    dataset = client.post("/v2/ground-truth-datasets/", json=body).json()["data"]["id"]
    client.post(f"/v2/ground-truth-datasets/{dataset}/collect/", json={})
    return {**project, "dataset": dataset}


def document(project: dict, target: ExportTarget) -> dict:
    return {"dataset": project["dataset"]} if target is ExportTarget.GROUND_TRUTH else {"project": project["id"]}


def lines_of(session, project, target) -> dict[int, bytes]:
    lines = read_lines(session, target, document(project, target), lambda file: file.path)
    return {int(line.split(b",", 1)[0].removeprefix(b'{"id":')): line for line in lines}


def run(database, *statements: str, **values) -> None:
    with database.write() as session:
        for statement in statements:
            session.execute(text(statement), values)


DIRECT = (
    "UPDATE tasks SET data = :data WHERE id = :id",
    "UPDATE tasks SET status = 'completed', is_discarded = true WHERE id IN (:id, :other)",
    "UPDATE assignments SET data = :data WHERE id = :id",
    "UPDATE assignments SET task_id = :other WHERE id = :id AND EXISTS (SELECT 1 FROM tasks WHERE id = :other)",
    "UPDATE data_units SET name = :name WHERE id = :id",
    "UPDATE data_units SET width = :id, height = NULL WHERE id = :id",
    "UPDATE data_units SET meta = :data WHERE id = :id",
    "UPDATE data_files SET sha256 = :name WHERE id = :id",
    "UPDATE data_files SET size_bytes = 7 WHERE id = :id",
    "UPDATE data_unit_files SET file_name_original = :name WHERE id = :id",
    "UPDATE data_unit_files SET specification = :name, is_primary = false WHERE data_unit_id = :id",
    "DELETE FROM data_unit_files WHERE data_unit_id = :id",
    ("INSERT INTO data_unit_files (data_unit_id, data_file_id, specification, is_primary, file_name_original) "
    "SELECT :id, max(id), :name, false, 'x.jpg' FROM data_files WHERE EXISTS (SELECT 1 FROM data_units WHERE id = :id)"),
    "UPDATE tags SET name = :name WHERE id = 1",
    "DELETE FROM task_tags WHERE task_id = :id",
    ("INSERT INTO task_tags (task_id, tag_id) SELECT t.id, g.id FROM tasks t, tags g WHERE t.id = :id "
    "AND NOT EXISTS (SELECT 1 FROM task_tags x WHERE x.task_id = t.id AND x.tag_id = g.id)"),
    ("UPDATE task_tags SET task_id = :other WHERE task_id = :id AND EXISTS (SELECT 1 FROM tasks WHERE id = :other) "
    "AND NOT EXISTS (SELECT 1 FROM task_tags x WHERE x.task_id = :other)"),
    "DELETE FROM assignment_tags WHERE assignment_id IN (:id, :other)",
    ("INSERT INTO assignment_tags (assignment_id, tag_id) SELECT a.id, g.id FROM assignments a, tags g WHERE a.id = :id "
    "AND NOT EXISTS (SELECT 1 FROM assignment_tags x WHERE x.assignment_id = a.id AND x.tag_id = g.id)"),
    "DELETE FROM tags WHERE id = 2",
    "DELETE FROM assignments WHERE id = :id",
    "DELETE FROM tasks WHERE id = :id",
    "UPDATE ground_truth_events SET data = :data WHERE pgh_id = :id",
    "DELETE FROM ground_truth_events WHERE pgh_id = :id",
    ("INSERT INTO ground_truth_events (pgh_label, pgh_created, ground_truth_id, dataset_id, data_unit_id, data) "
    "SELECT 'update', pgh_created, ground_truth_id, dataset_id, data_unit_id, :data FROM ground_truth_events "
    "WHERE pgh_id = :id"),
    "UPDATE tasks SET data_unit_id = :unit WHERE id = :id AND NOT EXISTS (SELECT 1 FROM tasks WHERE data_unit_id = :unit)",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_every_line_that_changes_appears_or_goes_is_found(database, project, make, seed):
    chance = random.Random(seed)
    spare = make.units(project, [f"spare {number}" for number in range(ROUNDS)], files=True)
    for step in range(ROUNDS):
        with database.snapshot() as session:
            before = {target: lines_of(session, project, target) for target in ExportTarget}
            marks = {target: read_position(session, Scope(target, project["id"])) for target in ExportTarget}
        values = {"id": chance.randint(1, 7), "other": chance.randint(1, 7), "name": f"name {step}",
                  "unit": spare[step], "data": stored(boxes(*["dog"] * chance.randint(0, 3)))}  # fmt: skip
        for statement in chance.sample(DIRECT, 2):
            used = {name: value for name, value in values.items() if f":{name}" in statement}
            run(database, statement, **used)
        if chance.random() < 0.3:
            make.assignments(project, make.tasks(project, 1, files=True))
        with database.snapshot() as session:
            for target in ExportTarget:
                after = lines_of(session, project, target)
                differ = {
                    row_id for row_id in before[target] | after if before[target].get(row_id) != after.get(row_id)
                }
                scope = Scope(target, project["id"])
                found = {row[0] for row in session.execute(changed_rows(scope, marks[target]))}
                assert differ <= found, (target, step)


def test_nothing_has_changed_since_a_moment_ago(database, project):
    for target in ExportTarget:
        scope = Scope(target, project["id"])
        with database.snapshot() as session:
            position = read_position(session, scope)
            assert position > 1
            assert session.execute(changed_rows(scope, position)).all() == []
        run(database, "UPDATE projects SET description = 'another'")
        with database.snapshot() as session:
            assert read_position(session, scope) == position


def test_what_other_projects_do_does_not_move_a_position(database, project, make):
    scope = Scope(ExportTarget.TASK, project["id"])
    with database.snapshot() as session:
        position = read_position(session, scope)
    make.tasks(make.project(), 3)
    with database.snapshot() as session:
        assert read_position(session, scope) == position


def test_a_task_changes_with_its_assignments_where_the_selection_asks_for_users(database, project):
    scope = Scope(ExportTarget.TASK, project["id"], with_users=True)
    with database.snapshot() as session:
        position = read_position(session, scope)
    run(database, "UPDATE assignments SET task_id = 5 WHERE id = 1", "DELETE FROM assignments WHERE id = 3")
    with database.snapshot() as session:
        assert {row[0] for row in session.execute(changed_rows(scope, position))} == {1, 3, 5}
        plain = {row[0] for row in session.execute(changed_rows(Scope(scope.target, scope.project_id), position))}
    assert plain == set()


def test_each_noted_table_has_its_triggers(database):
    query = "SELECT tbl_name, count(*) FROM sqlite_master WHERE type = 'trigger' GROUP BY 1"
    if database.engine.dialect.name == "postgresql":
        query = ("SELECT c.relname, count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                 "WHERE NOT t.tgisinternal AND t.tgname LIKE '%noted%' GROUP BY 1")  # fmt: skip
    with database.engine.connect() as connection:
        found = dict(connection.execute(text(query)).all())
    assert set(TABLES) <= set(found)
    assert all(found[table] >= 3 for table in TABLES if table not in {"data_units", "data_files", "tags"})


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
class TestOnPostgres:
    def test_a_transaction_that_commits_late_is_not_missed(self, database, project):
        scope = Scope(ExportTarget.TASK, project["id"])
        with database.engine.connect() as early, database.engine.connect() as late:
            early.execute(text("UPDATE tasks SET data = NULL WHERE id = 1"))
            late.execute(text("UPDATE tasks SET data = NULL WHERE id = 2"))
            late.commit()
            with database.snapshot() as session:
                position = read_position(session, scope)
            early.commit()
        with database.snapshot() as session:
            assert 1 in {row[0] for row in session.execute(changed_rows(scope, position))}

    def test_writers_of_different_rows_never_wait_for_each_other_in_the_log(self, database, project):
        with database.engine.connect() as one, database.engine.connect() as other:
            for connection in (one, other):
                connection.execute(text("SET lock_timeout = '2s'"))
            one.execute(text("UPDATE tasks SET data = NULL WHERE id = 1"))
            other.execute(text("UPDATE tags SET name = 'renamed' WHERE id = 1"))
            other.execute(text("UPDATE tasks SET data = NULL WHERE id = 2"))
            one.execute(text("UPDATE data_units SET name = 'renamed' WHERE id = 2"))
            one.commit()
            other.commit()

    def test_a_truncated_table_ends_every_mark(self, database, project):
        with database.read() as session:
            before = changes.read_state(session).epoch
        run(database, "TRUNCATE task_tags")
        with database.read() as session:
            assert changes.read_state(session).epoch != before


def test_the_log_is_cut_by_age_and_says_from_where_it_is_complete(database, project):
    with database.write() as session:
        assert changes.last_checkpoint(session) is None
        changes.add_checkpoint(session)
    run(database, "UPDATE tasks SET data = NULL WHERE id = 1")
    with database.write() as session:
        changes.raise_floor(session, utc_now() - timedelta(days=1))
        assert changes.forget_some(session) == 0
        changes.raise_floor(session, utc_now() + timedelta(days=1))
        assert changes.forget_some(session) > 0
        assert changes.forget_some(session) == 0
    with database.snapshot() as session:
        state = changes.read_state(session)
        kept = session.execute(changed_rows(Scope(ExportTarget.TASK, project["id"]), state.floor)).all()
        assert {row[0] for row in kept} == {1}
        assert 0 < state.floor < state.newest
        assert changes.last_checkpoint(session) is None


def test_the_log_goes_and_comes_back_on_filled_tables(database, project):
    scope = Scope(ExportTarget.TASK, project["id"])
    with database.read() as session:
        epoch = changes.read_state(session).epoch
    downgrade_database(database, "0002")
    run(database, "UPDATE tasks SET data = NULL WHERE id = 1")
    upgrade_database(database)
    with database.snapshot() as session:
        # What happened in between is not known: marks from before are of another log.
        assert changes.read_state(session).epoch != epoch
        position = read_position(session, scope)
    run(database, "UPDATE tasks SET data = NULL WHERE id = 2")
    with database.snapshot() as session:
        assert {row[0] for row in session.execute(changed_rows(scope, position))} == {2}
