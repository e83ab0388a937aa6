"""Looking into stored annotations from SQL, on both databases: those of a row as rows, and fields of one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double, FunctionElement, String, literal_column, select
from sqlalchemy.ext.compiler import compiles

from web_helper.backend.queries.filters import Condition


class AnnotationRows(FunctionElement[Any]):
    """The annotations in a data column, one row each; none where there is no data."""

    inherit_cache = True
    name = "annotation_rows"


class CategoryOf(FunctionElement[str]):
    """An annotation's class."""

    inherit_cache = True
    type = String()


class SideOf(FunctionElement[float]):
    """Width or height of an annotation's box."""

    inherit_cache = True
    type = Double()


@compiles(AnnotationRows, "sqlite")
def _rows_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)}, '$.annotations')"


@compiles(AnnotationRows, "postgresql")
def _rows_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **options)} AS jsonb) -> 'annotations')"


@compiles(CategoryOf, "sqlite")
def _category_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **options)}, '$.category')"


@compiles(CategoryOf, "postgresql")
def _category_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} ->> 'category')"


@compiles(SideOf, "sqlite")
def _side_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    value, index = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract({value}, '$.bbox[' || {index} || ']')"


@compiles(SideOf, "postgresql")
def _side_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    value, index = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST({value} -> 'bbox' ->> {index} AS double precision)"


def annotation_rows(data: Any) -> Any:
    """What a statement joins to see each annotation of a row; the column is `value`."""
    return AnnotationRows(data).table_valued("value")


def category_of(value: Any) -> Any:
    """The class of an annotation."""
    return CategoryOf(value)


def area_of(value: Any) -> Any:
    """Width by height of an annotation's box; NULL without one."""
    width, height = (SideOf(value, literal_column(index)) for index in ("2", "3"))
    return width * height


def has_category(data: Any, names: list[str]) -> Condition:
    """Any annotation in the data is of one of these classes. No index knows classes: the text of each row is read."""
    shape = annotation_rows(data)
    return select(shape.c.value).where(category_of(shape.c.value).in_(names)).exists()
