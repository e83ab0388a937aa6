# ruff: noqa: S608 (the statements are made of the constants below)
"""Note every change of what exports carry, by triggers: no code that writes rows can forget it.

Each change of a row appends to `row_changes`, under a mark that a later snapshot compares with its own. On SQLite the
mark is the log's own ascending number: one writer at a time gives it in the order of commits. On PostgreSQL sequences
run ahead of commits, so the mark is the id of the transaction, and a snapshot's mark the oldest one it cannot see.
Nothing is ever updated in the log, so that writers of different rows never wait for each other there.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Kinds of `row_changes`; `web_helper.backend.models.change.ChangeKind`.
TASK, ASSIGNMENT, EVENT, UNIT, FILE, TAG = range(1, 7)

# Table → (kind, scope, id, parent) of a changed row.
ROWS = {
    "tasks": (TASK, "project_id", "id", "NULL"),
    "assignments": (ASSIGNMENT, "project_id", "id", "task_id"),
    "ground_truth_events": (EVENT, "dataset_id", "pgh_id", "NULL"),
    "data_unit_files": (UNIT, "0", "data_unit_id", "NULL"),
}
# Link table → (kind, table of the rows that it belongs to, column that names them).
LINKS = {
    "task_tags": (TASK, "tasks", "task_id"),
    "assignment_tags": (ASSIGNMENT, "assignments", "assignment_id"),
}
# Table → (kind, columns that exported lines depend on). A new row of these is not in any line yet.
REFERRED = {
    "data_units": (UNIT, ("name", "width", "height")),
    "data_files": (FILE, ("storage_id", "sha256", "size_bytes", "path")),
    "tags": (TAG, ("name",)),
}
TABLES = (*ROWS, *LINKS, *REFERRED)
INTO = "INSERT INTO row_changes (kind, scope_id, row_id, parent_id)"
INTO_MARKED = "INSERT INTO row_changes (mark, kind, scope_id, row_id, parent_id)"


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table("row_changes", *_log_columns(is_postgres=is_postgres), sqlite_autoincrement=True)
    op.create_index("ix_row_changes_kind_scope_id_mark", "row_changes", ["kind", "scope_id", "mark"])
    op.create_table(
        "change_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(length=32), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_log")),
    )
    op.create_table(
        "change_checkpoints",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("noted", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_checkpoints")),
    )
    epoch = "md5(gen_random_uuid()::text)" if is_postgres else "lower(hex(randomblob(16)))"
    _run(f"INSERT INTO change_log (id, epoch, floor) VALUES (1, {epoch}, 0)")
    for statement in _postgres_triggers() if is_postgres else _sqlite_triggers():
        _run(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _drop_postgres_triggers()
    else:
        for name in _sqlite_trigger_names():
            _run(f"DROP TRIGGER {name}")
    op.drop_table("change_checkpoints")
    op.drop_table("change_log")
    op.drop_table("row_changes")


def _run(statement: str) -> None:
    op.get_bind().exec_driver_sql(statement)


def _log_columns(*, is_postgres: bool) -> list[Any]:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    columns: list[Any] = [
        sa.Column("mark", big, autoincrement=not is_postgres, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("scope_id", sa.BigInteger(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
    ]
    # All changes of one transaction share its mark on PostgreSQL.
    return columns if is_postgres else [*columns, sa.PrimaryKeyConstraint("mark", name=op.f("pk_row_changes"))]


def _sqlite_triggers() -> list[str]:
    made = []
    for table, (kind, scope, key, parent) in ROWS.items():
        moved = _differ(*{scope, key, parent} - {"0", "NULL"})
        made += [
            _sqlite_trigger(table, "insert", "INSERT", _values(kind, "NEW", scope, key, parent)),
            _sqlite_trigger(table, "update", "UPDATE", _values(kind, "NEW", scope, key, parent)),
            _sqlite_trigger(table, "move", f"UPDATE WHEN {moved}", _values(kind, "OLD", scope, key, parent)),
            _sqlite_trigger(table, "delete", "DELETE", _values(kind, "OLD", scope, key, parent)),
        ]
    # The lines of a task's assignments show the task's data unit.
    unit = _differ("data_unit_id")
    made.append(_sqlite_trigger("tasks", "unit", f"UPDATE WHEN {unit}", f"VALUES ({UNIT}, 0, NEW.data_unit_id, NULL)"))
    for table, (kind, owners, key) in LINKS.items():
        for name, event, row in (("insert", "INSERT", "NEW"), ("delete", "DELETE", "OLD")):
            made.append(_sqlite_trigger(table, name, event, _owner(kind, owners, f"= {row}.{key}")))
        made.append(_sqlite_trigger(table, "update", "UPDATE", _owner(kind, owners, f"IN (NEW.{key}, OLD.{key})")))
    for table, (kind, columns) in REFERRED.items():
        note = f"VALUES ({kind}, 0, NEW.id, NULL)"
        made.append(_sqlite_trigger(table, "update", f"UPDATE WHEN {_differ(*columns)}", note))
    return made


def _sqlite_trigger(table: str, name: str, event: str, noted: str) -> str:
    what, _, when = event.partition(" WHEN ")
    condition = f" WHEN {when}" if when else ""
    return f"CREATE TRIGGER {table}_noted_{name} AFTER {what} ON {table}{condition} BEGIN {INTO} {noted}; END"


def _sqlite_trigger_names() -> list[str]:
    return [statement.split()[2] for statement in _sqlite_triggers()]


def _differ(*columns: str) -> str:
    return " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in sorted(columns))


def _values(kind: int, row: str, *columns: str) -> str:
    values = [column if column in {"0", "NULL"} else f"{row}.{column}" for column in columns]
    return f"VALUES ({kind}, {', '.join(values)})"


def _owner(kind: int, owners: str, which: str) -> str:
    return f"SELECT {kind}, o.project_id, o.id, NULL FROM {owners} o WHERE o.id {which}"


def _postgres_triggers() -> list[str]:
    made = []
    for table, (kind, scope, key, parent) in ROWS.items():
        columns = f"mark, {kind}, {scope}, {key}, {parent}::bigint"
        also = ""
        if table == "tasks":
            moved = "new_rows n JOIN old_rows o ON o.id = n.id WHERE o.data_unit_id <> n.data_unit_id"
            also = f"{INTO_MARKED} SELECT mark, {UNIT}, 0, n.data_unit_id, NULL::bigint FROM {moved};"
        made += _postgres_trigger(table, f"SELECT {columns} FROM {{rows}}", also)
    for table, (kind, owners, key) in LINKS.items():
        links = f"SELECT mark, {kind}, o.project_id, o.id, NULL::bigint FROM {owners} o"
        made += _postgres_trigger(table, f"{links} WHERE o.id IN (SELECT {key} FROM {{rows}})")
    made.append(
        _function("note_referred", f"{INTO_MARKED} VALUES (mark, TG_ARGV[0]::smallint, 0, NEW.id, NULL); RETURN NULL;")
    )
    for table, (kind, shown) in REFERRED.items():
        changed = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in shown)
        made.append(
            f"CREATE TRIGGER {table}_noted_update AFTER UPDATE ON {table} FOR EACH ROW WHEN ({changed}) "
            f"EXECUTE FUNCTION note_referred({kind})"
        )
    # Nobody can say which rows a TRUNCATE took: all marks given so far end.
    restart = "UPDATE change_log SET epoch = md5(gen_random_uuid()::text); RETURN NULL;"
    made.append(_function("restart_change_log", restart))
    for table in TABLES:
        made.append(
            f"CREATE TRIGGER {table}_noted_truncate AFTER TRUNCATE ON {table} EXECUTE FUNCTION restart_change_log()"
        )
    return made


def _postgres_trigger(table: str, noted: str, also: str = "") -> list[str]:
    # For each statement, not for each row: a bulk insert notes its rows with one insert of its own.
    new, old = noted.format(rows="new_rows"), noted.format(rows="old_rows")
    body = (
        f"IF TG_OP = 'INSERT' THEN {INTO_MARKED} {new}; "
        f"ELSIF TG_OP = 'DELETE' THEN {INTO_MARKED} {old}; "
        f"ELSE {INTO_MARKED} {new} UNION {old}; {also} END IF; RETURN NULL;"
    )
    made = [_function(f"note_{table}", body)]
    for event, rows in (
        ("INSERT", "NEW TABLE AS new_rows"),
        ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "OLD TABLE AS old_rows"),
    ):
        made.append(
            f"CREATE TRIGGER {table}_noted_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION note_{table}()"
        )
    return made


def _function(name: str, body: str) -> str:
    mark = "DECLARE mark bigint := pg_current_xact_id()::text::bigint;"
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ {mark} BEGIN {body} END $body$"


def _drop_postgres_triggers() -> None:
    for table in (*ROWS, *LINKS):
        for event in ("insert", "update", "delete"):
            _run(f"DROP TRIGGER {table}_noted_{event} ON {table}")
        _run(f"DROP FUNCTION note_{table}()")
    for table in REFERRED:
        _run(f"DROP TRIGGER {table}_noted_update ON {table}")
    for table in TABLES:
        _run(f"DROP TRIGGER {table}_noted_truncate ON {table}")
    _run("DROP FUNCTION note_referred()")
    _run("DROP FUNCTION restart_change_log()")
