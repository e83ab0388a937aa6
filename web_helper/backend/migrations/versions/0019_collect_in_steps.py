"""A data set knows that it is being collected, so that nothing half collected is released."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE, COLUMN = "ground_truth_datasets", "collecting"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column(COLUMN, UtcDateTime, nullable=True))


def downgrade() -> None:
    op.drop_column(TABLE, COLUMN)
