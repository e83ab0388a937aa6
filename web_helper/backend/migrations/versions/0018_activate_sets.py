"""A change set may repeat for an alias what another has moved, without a row for each move."""

import sqlalchemy as sa
from alembic import op

from web_helper.backend.models.base import BigId

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SETS, MOVES = "component_change_sets", "component_alias_changes"
INDEX = f"ix_{SETS}_source_id"
FIELDS = ("change_set_id", "path", "alias", "from_version_id", "to_version_id")


def upgrade() -> None:
    op.add_column(SETS, sa.Column("source_id", BigId, nullable=True))
    op.add_column(SETS, sa.Column("alias", sa.String(length=63), nullable=True))
    op.create_index(INDEX, SETS, ["source_id"])


def downgrade() -> None:
    _write_out()
    op.drop_index(INDEX, SETS)
    for column in ("alias", "source_id"):
        op.drop_column(SETS, column)


def _write_out() -> None:
    """Give every move a row; all of them anew, for the server before this one takes their ids for their order."""
    table = sa.table(MOVES, *map(sa.column, FIELDS))
    move, sets = table.c, sa.table(SETS, *map(sa.column, ("id", "source_id", "alias"))).c
    repeated = sa.select(sets.id, move.path, sets.alias, move.to_version_id)
    repeated = repeated.where(sets.source_id == move.change_set_id, move.to_version_id.is_not(None))
    event = sa.select(move.change_set_id, move.path, move.alias, move.to_version_id).union(repeated).subquery().c
    before = sa.func.lag(event.to_version_id).over(partition_by=(event.path, event.alias), order_by=event.change_set_id)
    told = sa.select(event.change_set_id, event.path, event.alias, before.label("from_version_id"), event.to_version_id)
    each = told.subquery().c
    is_move = each.from_version_id.is_distinct_from(each.to_version_id)
    in_order = sa.select(*each).where(is_move).order_by(each.change_set_id, each.path, each.alias)
    if op.get_bind().scalar(sa.select(sets.id).where(sets.source_id.is_not(None)).limit(1)) is None:
        return
    rows = op.get_bind().execute(in_order).all()
    op.execute(sa.delete(table))
    op.bulk_insert(table, [dict(zip(FIELDS, row, strict=True)) for row in rows])
