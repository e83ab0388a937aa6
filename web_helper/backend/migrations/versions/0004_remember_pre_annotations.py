"""Remember which run pre-annotated a task, from what, and what was there before."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _reference(table: str, column: str, target: str, when_deleted: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], ondelete=when_deleted, name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "pre_annotation_runs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", BigId, nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("plugin_release_id", BigId, nullable=True),
        sa.Column("model_id", BigId, nullable=True),
        sa.Column("specification", sa.String(200), nullable=True),
        sa.Column("producer", sa.String(200), nullable=False),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("undone_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("created", UtcDateTime(timezone=True), nullable=False),
        _reference("pre_annotation_runs", "project_id", "projects.id", "CASCADE"),
        _reference("pre_annotation_runs", "plugin_release_id", "plugin_releases.id", "SET NULL"),
        _reference("pre_annotation_runs", "model_id", "models.id", "SET NULL"),
        _reference("pre_annotation_runs", "user_id", "users.id", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pre_annotation_runs")),
    )
    op.create_index("ix_pre_annotation_runs_created_id", "pre_annotation_runs", ["created", "id"])
    op.create_index(op.f("ix_pre_annotation_runs_project_id"), "pre_annotation_runs", ["project_id"])
    op.create_table(
        "pre_annotations",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("task_id", BigId, nullable=False),
        sa.Column("version_key", sa.String(64), nullable=False),
        sa.Column("source_version", sa.String(64), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("data_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("previous_data", sa.Text(), nullable=True),
        sa.Column("created", UtcDateTime(timezone=True), nullable=False),
        _reference("pre_annotations", "run_id", "pre_annotation_runs.id", "CASCADE"),
        _reference("pre_annotations", "task_id", "tasks.id", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pre_annotations")),
        sa.UniqueConstraint("task_id", "version_key", name=op.f("uq_pre_annotations_task_id_version_key")),
    )
    op.create_index("ix_pre_annotations_run_id_id", "pre_annotations", ["run_id", "id"])


def downgrade() -> None:
    op.drop_table("pre_annotations")
    op.drop_table("pre_annotation_runs")
