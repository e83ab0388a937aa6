"""A browser's session is a token that ends with the one it was opened with."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tokens") as tokens:
        tokens.add_column(sa.Column("session_of", BigId, nullable=True))
        tokens.create_foreign_key(op.f("fk_tokens_session_of"), "tokens", ["session_of"], ["id"], ondelete="CASCADE")
        tokens.create_index(op.f("ix_tokens_session_of"), ["session_of"], unique=False)


def downgrade() -> None:
    # Without the column nothing would end them.
    op.execute(sa.text("DELETE FROM tokens WHERE session_of IS NOT NULL"))
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_index(op.f("ix_tokens_session_of"))
        tokens.drop_constraint(op.f("fk_tokens_session_of"), type_="foreignkey")
        tokens.drop_column("session_of")
