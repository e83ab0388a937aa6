"""A run that was paused when it was given up is paused when its worker is back."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = "experiments"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("was_paused", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column(TABLE, "was_paused")
