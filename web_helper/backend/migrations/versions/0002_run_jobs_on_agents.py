"""Runs on agents: how they end, how much they print, the wish to stop one, and the key that one acts with."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


# One by one and in place: SQLite would make the table anew in a batch, and dropping the old one takes its logs along.
def job_columns() -> tuple["sa.Column[Any]", ...]:
    return (
        sa.Column("console_size", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("exit_kind", sa.String(length=32), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("stop_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False, server_default="[]"),
    )


def upgrade() -> None:
    for column in job_columns():
        op.add_column("jobs", column)
    op.create_index("ix_jobs_agent_id_status", "jobs", ["agent_id", "status"], unique=False)
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("job_id", sa.String(length=36), nullable=True))
        tokens.create_foreign_key(op.f("fk_tokens_job_id"), "jobs", ["job_id"], ["id"], ondelete="CASCADE")
        tokens.create_index(op.f("ix_tokens_job_id"), ["job_id"], unique=False)


def downgrade() -> None:
    # Without the column nothing would end the key of a run.
    op.execute(sa.text("DELETE FROM tokens WHERE job_id IS NOT NULL"))
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_index(op.f("ix_tokens_job_id"))
        tokens.drop_constraint(op.f("fk_tokens_job_id"), type_="foreignkey")
        tokens.drop_column("job_id")
    op.drop_index("ix_jobs_agent_id_status", "jobs")
    for column in reversed(job_columns()):
        op.drop_column("jobs", column.name)
