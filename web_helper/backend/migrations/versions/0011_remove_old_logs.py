"""Logs of experiments are removed some time after the end of the run."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "experiments"
INDEX = "ix_experiments_log_removed_finished"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("log_removed", sa.DateTime(timezone=True), nullable=True))
    op.create_index(INDEX, TABLE, ["log_removed", "finished"])


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, "log_removed")
