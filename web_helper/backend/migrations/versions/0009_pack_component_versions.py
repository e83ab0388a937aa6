"""Contents of components are packed, older ones against newer ones."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "component_blobs"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("is_packed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(TABLE, sa.Column("base_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {TABLE} WHERE is_packed")):  # noqa: S608 - our own name
        raise NotImplementedError("What is packed cannot be read by the version before.")
    for column in ("base_sha256", "is_packed"):
        op.drop_column(TABLE, column)
