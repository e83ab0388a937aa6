"""Serve applications: what each agent serves."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "serve_applications"


def _reference(column: str, target: str, when_deleted: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], ondelete=when_deleted, name=op.f(f"fk_{TABLE}_{column}"))


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("agent_id", BigId, nullable=False),
        sa.Column("plugin_release_id", BigId, nullable=True),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("job_id", sa.String(length=36), nullable=True),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("route_prefix", sa.String(length=101), nullable=False),
        sa.Column("endpoint", sa.String(length=300), nullable=False),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("num_replicas", sa.Integer(), nullable=False),
        sa.Column("replicas", sa.Integer(), nullable=False),
        sa.Column("resources", sa.Text(), nullable=False),
        sa.Column("delete_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        _reference("agent_id", "agents.id", "CASCADE"),
        _reference("plugin_release_id", "plugin_releases.id", "SET NULL"),
        _reference("user_id", "users.id", "SET NULL"),
        _reference("job_id", "jobs.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint("agent_id", "name", name=op.f(f"uq_{TABLE}_agent_id_name")),
    )
    op.create_index(op.f(f"ix_{TABLE}_plugin_release_id"), TABLE, ["plugin_release_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f(f"ix_{TABLE}_plugin_release_id"), table_name=TABLE)
    op.drop_table(TABLE)
