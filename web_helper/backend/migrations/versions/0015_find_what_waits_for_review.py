"""Assignments that wait for a review are found without reading the others."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

INDEX, TABLE = "ix_assignments_to_review", "assignments"


def upgrade() -> None:
    op.create_index(INDEX, TABLE, ["status_review", "status_label", "project_id"])


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
