"""Conflicts keep the device's content to be shown, and uses of a version are found by it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INDEX = "ix_component_manifest_entries_version_id"


def upgrade() -> None:
    op.add_column("device_conflicts", sa.Column("local_content", sa.Text(), nullable=True))
    op.create_index(INDEX, "component_manifest_entries", ["version_id"])


def downgrade() -> None:
    op.drop_index(INDEX, "component_manifest_entries")
    op.drop_column("device_conflicts", "local_content")
