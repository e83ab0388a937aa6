"""Contents of components are packed, older ones against newer ones."""

import sys

import sqlalchemy as sa
from alembic import op

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "component_blobs"
ROWS_AT_ONCE = 100


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("is_packed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(TABLE, sa.Column("base_sha256", sa.String(length=64), nullable=True))


def downgrade() -> None:
    while _unpack_some():
        pass
    for column in ("base_sha256", "is_packed"):
        op.drop_column(TABLE, column)


def _unpack_some() -> bool:
    """Unpack contents that need no other, or only one that is unpacked; whether there were any."""
    blobs = sa.table(TABLE, *(sa.column(name) for name in ("sha256", "content", "is_packed", "base_sha256")))
    base = blobs.alias()
    ready = (
        sa.select(blobs.c.sha256, blobs.c.content, base.c.content)
        .select_from(blobs.outerjoin(base, base.c.sha256 == blobs.c.base_sha256))
        .where(blobs.c.is_packed, sa.or_(blobs.c.base_sha256.is_(None), sa.not_(base.c.is_packed)))
        .limit(ROWS_AT_ONCE)
    )
    rows = op.get_bind().execute(ready).all()
    for digest, content, newer in rows:
        plain = zstd.decompress(content, zstd.ZstdDict(newer, is_raw=True) if newer is not None else None)
        op.execute(
            sa.update(blobs).where(blobs.c.sha256 == digest).values(content=plain, is_packed=False, base_sha256=None)
        )
    return bool(rows)
