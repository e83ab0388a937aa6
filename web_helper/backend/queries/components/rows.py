"""Thousands of rows at once: what they share is prepared once, and the rest goes to the driver as it is.

SQLAlchemy prepares each value of each row, which took as long as the database took to write or find them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, String, any_, func, literal, select
from sqlalchemy.orm import Session


def is_one_of(session: Session, attribute: Any, texts: Collection[str]) -> ColumnElement[bool]:
    """Whether a column is one of many texts, which travel as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        found: ColumnElement[bool] = attribute == any_(literal(list(texts), ARRAY(String)))
    else:
        found = attribute.in_(select(func.json_each(json.dumps(list(texts))).table_valued("value").c.value))
    return found


def pairs_of(session: Session, pairs: Iterable[tuple[str, str]]) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """Many pairs of texts as two columns to join with, which travel as one parameter, or two."""
    given = list(pairs)
    if session.get_bind().dialect.name == "postgresql":
        sides: Any = [literal([pair[side] for pair in given], ARRAY(String)) for side in (0, 1)]
        columns = func.unnest(*sides).table_valued("first", "second").render_derived().c
        return columns.first, columns.second
    value = func.json_each(json.dumps(given)).table_valued("value").c.value
    return func.json_extract(value, "$[0]"), func.json_extract(value, "$[1]")


def add_rows(
    session: Session, insert: Any, *, same: Mapping[str, Any], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Run an insert for many rows.

    Args:
        session: Of the transaction.
        insert: Into a table; of any dialect.
        same: Columns that are the same in every row, any type; whatever has a default in Python is among them.
        columns: The others: texts, numbers and bytes.
        rows: Their values, in this order.
    """
    dialect = session.get_bind().dialect
    names = [*same, *columns]
    compiled = insert.inline().compile(dialect=dialect, column_keys=names)
    types = {name: insert.table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in same}
    head = tuple(value if (prepare := types[name]) is None else prepare(value) for name, value in same.items())
    if compiled.positional:
        places = [names.index(name) for name in compiled.positiontup]
        values: list[Any] = [tuple(map((*head, *row).__getitem__, places)) for row in rows]
    else:
        values = [dict(zip(names, (*head, *row), strict=True)) for row in rows]
    if values:
        session.connection().exec_driver_sql(str(compiled), values)
