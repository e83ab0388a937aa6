"""Exports that the platform converts: how far each step is, whose bundle it takes, and the key that it works with."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "async_jobs"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("steps", sa.Text(), nullable=True))
    op.add_column(TABLE, sa.Column("bundle_job_id", sa.String(length=36), nullable=True))
    op.add_column(TABLE, sa.Column("token_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))


def downgrade() -> None:
    # The version before knows no such jobs, and without the column nothing would end their keys.
    for statement in (
        f"DELETE FROM tokens WHERE id IN (SELECT token_id FROM {TABLE})",  # noqa: S608 - our own name
        f"DELETE FROM {TABLE} WHERE kind = 'dataset'",  # noqa: S608 - our own name
    ):
        op.execute(sa.text(statement))
    for name in ("token_id", "bundle_job_id", "steps"):
        op.drop_column(TABLE, name)
