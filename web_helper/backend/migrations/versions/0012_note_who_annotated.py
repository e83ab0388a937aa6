"""Who changed a task's annotations last."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "task_edits"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("task_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("data_sha256", sa.String(length=64), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], ondelete="CASCADE", name=op.f(f"fk_{TABLE}_task_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL", name=op.f(f"fk_{TABLE}_user_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f(f"pk_{TABLE}")),
    )


def downgrade() -> None:
    op.drop_table(TABLE)
