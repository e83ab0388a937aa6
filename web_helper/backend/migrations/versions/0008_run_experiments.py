"""Experiments, the devices that run them, and what devices ask people."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _reference(table: str, column: str, target: str, when_deleted: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], ondelete=when_deleted, name=op.f(f"fk_{table}_{column}"))


def _time(name: str, *, nullable: bool = True) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id() -> sa.Column[int]:
    return sa.Column("id", BigId, autoincrement=True, nullable=False)


def _create_devices() -> None:
    op.create_table(
        "devices",
        _id(),
        sa.Column("host_id", sa.String(length=100), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("report", sa.Text(), nullable=False),
        _time("last_seen_at"),
        _time("created", nullable=False),
        _reference("devices", "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("host_id", name=op.f("uq_devices_host_id")),
    )
    table = "device_conflicts"
    op.create_table(
        table,
        _id(),
        sa.Column("device_id", BigId, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("path", sa.String(length=120), nullable=False),
        sa.Column("conflict_type", sa.String(length=32), nullable=False),
        sa.Column("local_sha256", sa.String(length=64), nullable=True),
        sa.Column("server_sha256", sa.String(length=64), nullable=True),
        sa.Column("local_hash", sa.String(length=64), nullable=True),
        sa.Column("server_hash", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("resolution", sa.String(length=16), nullable=True),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        _time("answered_at"),
        _time("created", nullable=False),
        _reference(table, "device_id", "devices.id", "CASCADE"),
        _reference(table, "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("device_id", "fingerprint", name=op.f(f"uq_{table}_device_id_fingerprint")),
    )
    op.create_index("ix_device_conflicts_status_id", table, ["status", "id"], unique=False)
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("device_id", BigId, nullable=True))
        tokens.create_foreign_key(op.f("fk_tokens_device_id"), "devices", ["device_id"], ["id"], ondelete="CASCADE")
        tokens.create_index(op.f("ix_tokens_device_id"), ["device_id"], unique=False)


def _create_submissions() -> None:
    table = "experiment_submissions"
    op.create_table(
        table,
        _id(),
        sa.Column("key", sa.String(length=150), nullable=True),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("grid_size", sa.Integer(), nullable=False),
        _time("created", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("key", name=op.f(f"uq_{table}_key")),
    )
    table = "experiment_component_sets"
    op.create_table(
        table,
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("components", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f(f"pk_{table}")),
    )


def _create_experiments() -> None:
    table = "experiments"
    op.create_table(
        table,
        _id(),
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("submission_id", BigId, nullable=False),
        sa.Column("grid", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("project", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("config_sha256", sa.String(length=64), nullable=False),
        sa.Column("component_set", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("wanted_device", sa.String(length=100), nullable=True),
        sa.Column("device_id", BigId, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("reproduces", sa.String(length=32), nullable=True),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("manifest", sa.Text(), nullable=True),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("metrics_size", sa.BigInteger(), nullable=False),
        _time("started"),
        _time("finished"),
        _time("expires"),
        _time("created", nullable=False),
        _reference(table, "submission_id", "experiment_submissions.id"),
        _reference(table, "component_set", "experiment_component_sets.sha256"),
        _reference(table, "device_id", "devices.id", "SET NULL"),
        _reference(table, "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("uid", name=op.f(f"uq_{table}_uid")),
    )
    op.create_index("ix_experiments_status_rank_id", table, ["status", "rank", "id"], unique=False)
    op.create_index("ix_experiments_device_id_status", table, ["device_id", "status"], unique=False)
    op.create_index(op.f("ix_experiments_submission_id"), table, ["submission_id"], unique=False)
    op.create_index(op.f("ix_experiments_project"), table, ["project"], unique=False)
    table = "experiment_chunks"
    op.create_table(
        table,
        sa.Column("experiment_id", BigId, nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _reference(table, "experiment_id", "experiments.id", "CASCADE"),
        sa.PrimaryKeyConstraint("experiment_id", "stream", "position", name=op.f(f"pk_{table}")),
    )


def upgrade() -> None:
    _create_devices()
    _create_submissions()
    _create_experiments()


def downgrade() -> None:
    for table in ("experiment_chunks", "experiments", "experiment_component_sets", "experiment_submissions"):
        op.drop_table(table)
    # Without the column a worker's key would open all that is its owner's.
    op.execute(sa.text("DELETE FROM tokens WHERE device_id IS NOT NULL"))
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_index(op.f("ix_tokens_device_id"))
        tokens.drop_constraint(op.f("fk_tokens_device_id"), type_="foreignkey")
        tokens.drop_column("device_id")
    for table in ("device_conflicts", "devices"):
        op.drop_table(table)
