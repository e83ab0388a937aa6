"""Assignments that wait for a review are found without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_assignments_to_review", "assignments"
TO_REVIEW = sa.text("status_label = 'completed' AND status_review = 'pending'")


def upgrade() -> None:
    op.create_index(INDEX, TABLE, ["project_id"], sqlite_where=TO_REVIEW, postgresql_where=TO_REVIEW)


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
