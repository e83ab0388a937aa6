"""Experiments know what they took of each axis of their grid."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = "experiments"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("choices", sa.Text(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column(TABLE, "choices")
