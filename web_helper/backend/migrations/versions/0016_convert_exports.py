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
    for name in ("token_id", "bundle_job_id", "steps"):
        op.drop_column(TABLE, name)
