"""A run whose worker has told that it crashed is told from one that was given up, which may come back."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "experiments"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("is_crash_told", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column(TABLE, "is_crash_told")
