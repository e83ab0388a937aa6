"""Thousands of rows at once: what they share is prepared once, and the rest goes to the driver as it is.

SQLAlchemy prepares each value of each row, which took as long as the database took to write or find them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import ARRAY, ColumnElement, String, TableValuedAlias, any_, bindparam, func, literal, select
from sqlalchemy.orm import Session

_SIDES = ("first", "second")


def is_one_of(session: Session, attribute: Any, texts: Collection[str]) -> ColumnElement[bool]:
    """Whether a column is one of many texts, which travel as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        found: ColumnElement[bool] = attribute == any_(literal(list(texts), ARRAY(String)))
    else:
        found = attribute.in_(select(func.json_each(_json(list(texts))).table_valued("value").c.value))
    return found


class Texts:
    """Many texts, alone or each with another, as parameters of a statement that is built once: that is the dearer part.

    Args:
        dialect: Of the database.
    """

    def __init__(self, dialect: str) -> None:
        self._has_arrays = dialect == "postgresql"
        self._parameters = [bindparam(name, type_=ARRAY(String) if self._has_arrays else String) for name in _SIDES]

    def hold(self, attribute: Any) -> ColumnElement[bool]:
        """Whether a column is one of the texts."""
        first = self._parameters[0]
        if self._has_arrays:
            found: ColumnElement[bool] = attribute == any_(first)
        else:
            found = attribute.in_(select(func.json_each(first).table_valued("value").c.value))
        return found

    def items(self) -> TableValuedAlias:
        """A table to join with: texts as `key`, each with another or none as `value`."""
        if self._has_arrays:
            return func.unnest(*self._parameters).table_valued("key", "value").render_derived()
        return func.json_each(self._parameters[0]).table_valued("key", "value")

    def of(self, texts: Sequence[str]) -> dict[str, Any]:
        """What the statement is executed with."""
        return {"first": list(texts) if self._has_arrays else _json(texts)}

    def of_items(self, items: Mapping[str, str | None]) -> dict[str, Any]:
        """The same, for `items`."""
        if self._has_arrays:
            return dict(zip(_SIDES, (list(items), list(items.values())), strict=True))
        return {"first": _json(items)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def add_rows(
    session: Session, insert: Any, *, same: Mapping[str, Any], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Run an insert for many rows.

    Args:
        session: Of the transaction.
        insert: Into a table; of any dialect, and the same one every time, for what it becomes is kept.
        same: Columns that are the same in every row, any type; whatever has a default in Python is among them.
        columns: The others: texts, numbers and bytes.
        rows: Their values, in this order.
    """
    dialect = session.get_bind().dialect
    names = (*same, *columns)
    compiled = _compile(insert, dialect, names)
    types = {name: insert.table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in same}
    head = tuple(value if (prepare := types[name]) is None else prepare(value) for name, value in same.items())
    if compiled.positional:
        in_order = itemgetter(*map(names.index, compiled.positiontup))
        values: list[Any] = [in_order((*head, *row)) for row in rows]
    else:
        values = [dict(zip(names, (*head, *row), strict=True)) for row in rows]
    if values:
        session.connection().exec_driver_sql(str(compiled), values)


@lru_cache(maxsize=64)
def _compile(insert: Any, dialect: Any, names: tuple[str, ...]) -> Any:
    return insert.inline().compile(dialect=dialect, column_keys=names)
