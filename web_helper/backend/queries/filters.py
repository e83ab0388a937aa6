"""What a list can be asked for: one definition for v1, v2 and export jobs, so that all three select the same rows.

A `Listing` names a resource's filters; `select_where` turns a filter document into a `Selection`. Unknown filters are
refused: ignoring one silently is how whole projects are exported by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, String, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import BindParameter

from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.models import Base

# Beyond this, ids travel as one JSON text: databases limit the number of bound values.
MAX_BOUND_IDS = 500

Condition = ColumnElement[bool]


class Kind(StrEnum):
    """How a filter's value is read."""

    INTEGERS = "integers"
    STRINGS = "strings"
    EXACT = "exact"
    FLAG = "flag"
    TEXT = "text"


@dataclass(frozen=True)
class Walk:
    """A join in place of a filter's condition, and the keys to page over: used where its index is the better one."""

    table: Any
    on: Condition
    keys: tuple[Any, ...]


@dataclass(frozen=True)
class Filter:
    """One filter: how its value is read and what it selects.

    Lists mean any of; `walk` may answer a better index for a value.
    """

    kind: Kind
    condition: Callable[[Any], Condition]
    description: str
    choices: tuple[str, ...] = ()
    walk: Callable[[Any], Walk | None] | None = None
    alias_of: str | None = None


@dataclass(frozen=True)
class Listing:
    """What lists of one resource can select, and the unique key that they walk.

    `visible_to` limits rows to what a user may see; None: everyone with a key sees all rows.
    """

    noun: str
    entity: type[Base]
    keys: tuple[InstrumentedAttribute[Any], ...]
    filters: Mapping[str, Filter]
    visible_to: Callable[[int], Condition] | None = None
    sort_name: str = "id"
    loads: tuple[Any, ...] = ()

    @property
    def key(self) -> InstrumentedAttribute[Any]:
        """The column that `ids` names: the last of the walked key."""
        return self.keys[-1]


@dataclass(frozen=True)
class Selection:
    """The rows that a filter document selects."""

    listing: Listing
    conditions: tuple[Condition, ...]
    keys: tuple[Any, ...]
    walks: tuple[Walk, ...] = field(default=())

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """Narrow a statement over the listing's entity to these rows."""
        for walk in self.walks:
            statement = statement.join(walk.table, walk.on)
        return statement.where(*self.conditions)


class _JsonIntegers(ColumnElement[Any]):
    """A subquery of the integers in one bound JSON text."""

    inherit_cache = False

    def __init__(self, values: Sequence[int]) -> None:
        self.payload: BindParameter[str] = BindParameter(None, msgspec.json.encode(values).decode(), String)


@compiles(_JsonIntegers, "sqlite")
def _compile_sqlite(element: _JsonIntegers, compiler: Any, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(element.payload, **options)}))"  # noqa: S608 (a placeholder)


@compiles(_JsonIntegers, "postgresql")
def _compile_postgresql(element: _JsonIntegers, compiler: Any, **options: Any) -> str:
    payload = compiler.process(element.payload, **options)
    return f"(SELECT CAST(value AS bigint) FROM jsonb_array_elements_text(CAST({payload} AS jsonb)) AS ids(value))"  # noqa: S608 (a placeholder)


def is_any_of(column: Any, values: Sequence[Any]) -> Condition:
    """The column is one of the values; a single value is an equality, which an index can be walked along."""
    condition: Condition
    if len(values) == 1:
        condition = column == values[0]
    elif len(values) <= MAX_BOUND_IDS or not isinstance(values[0], int):
        condition = column.in_(values)
    else:
        condition = column.op("IN", is_comparison=True)(_JsonIntegers(values))
    return condition


def integers(column: Any, description: str, **more: Any) -> Filter:
    """A filter over ids: one, a comma list, or several."""
    return Filter(Kind.INTEGERS, lambda values: is_any_of(column, values), description, **more)


def strings(column: Any, description: str, choices: Sequence[str] = ()) -> Filter:
    """A filter over words: one, a comma list, or several; only `choices` when given."""
    return Filter(Kind.STRINGS, lambda values: is_any_of(column, values), description, tuple(choices))


def exact(column: Any, description: str) -> Filter:
    """A filter over free text that may hold commas."""
    return Filter(Kind.EXACT, lambda values: is_any_of(column, values), description)


def flag(column: Any, description: str) -> Filter:
    """A filter over a true-or-false column."""
    return Filter(Kind.FLAG, column.is_, description)


def alias(name: str, of: Filter) -> Filter:
    """Another name of a filter; giving both is refused."""
    return Filter(of.kind, of.condition, f"The same as `{name}`.", of.choices, of.walk, alias_of=name)


def common_filters(
    key: InstrumentedAttribute[Any], search: Callable[[str], Condition], *, searched: str, kind: Kind = Kind.INTEGERS
) -> dict[str, Filter]:
    """The three filters that every list has."""
    return {
        "ids": Filter(kind, lambda values: is_any_of(key, values), "Only these ids (comma list)."),
        "ids_ex": Filter(kind, lambda values: ~is_any_of(key, values), "All but these ids (comma list)."),
        "search": Filter(Kind.TEXT, search, f"Part of {searched}, in any case."),
    }


def contains_text(*columns: Any) -> Callable[[str], Condition]:
    """A search over columns, as a case-insensitive substring."""
    return lambda text: or_(*(column.icontains(text, autoescape=True) for column in columns))


def select_where(listing: Listing, document: Mapping[str, Any], *, viewer_id: int | None) -> Selection:
    """Read a filter document; refuse what the listing does not know.

    A None value counts as not given; an empty list selects nothing. `viewer_id` None sees every row.
    """
    given = {name: value for name, value in document.items() if value is not None}
    _refuse_unknown(listing, given)
    conditions: list[Condition] = []
    walks: list[Walk] = []
    for name, value in given.items():
        definition = listing.filters[name]
        parsed = parse_value(definition, name, value)
        walk = definition.walk(parsed) if definition.walk else None
        if walk:
            walks.append(walk)
        else:
            conditions.append(definition.condition(parsed))
    if viewer_id is not None and listing.visible_to is not None:
        conditions.append(listing.visible_to(viewer_id))
    keys = walks[0].keys if walks else listing.keys
    return Selection(listing, tuple(conditions), keys, tuple(walks))


def _refuse_unknown(listing: Listing, given: Mapping[str, Any]) -> None:
    for name in given:
        if name not in listing.filters:
            allowed = ", ".join(sorted(listing.filters))
            raise ValidationProblem.of_field(name, f"{listing.noun} have no such filter; allowed: {allowed}.")
        alias_of = listing.filters[name].alias_of
        if alias_of in given:
            raise ValidationProblem.of_field(name, f"is the same filter as {alias_of}; give one of them.")


def parse_value(definition: Filter, name: str, value: Any) -> Any:
    """A filter's value from a query string or a JSON document."""
    if "\0" in str(value):
        raise ValidationProblem.of_field(name, "must not hold a NUL character.")
    if definition.kind is Kind.FLAG:
        return _parse_flag(name, value)
    if definition.kind is Kind.TEXT:
        if not isinstance(value, str):
            raise ValidationProblem.of_field(name, "must be one text.")
        return value
    if definition.kind is Kind.INTEGERS:
        return _parse_integers(name, value)
    return _parse_strings(definition, name, value)


def _parse_flag(name: str, value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValidationProblem.of_field(name, "must be true or false.")


def _parse_integers(name: str, value: Any) -> list[int]:
    numbers: list[int] = []
    for item in value if isinstance(value, list) else [value]:
        parts = [part.strip() for part in item.split(",") if part.strip()] if isinstance(item, str) else [item]
        numbers.extend(_parse_integer(name, part) for part in parts)
    return sorted(set(numbers))


def _parse_integer(name: str, value: Any) -> int:
    is_written = isinstance(value, str) and value.removeprefix("-").isascii() and value.removeprefix("-").isdigit()
    if isinstance(value, bool) or not (isinstance(value, int) or is_written):
        raise ValidationProblem.of_field(name, "must be ids: whole numbers, separated by commas.")
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValidationProblem.of_field(name, "holds a number that is too large to be an id.")
    return number


def _parse_strings(definition: Filter, name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        is_list = definition.kind is Kind.STRINGS
        words = [part.strip() for part in value.split(",") if part.strip()] if is_list else [value]
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        words = list(value)
    else:
        raise ValidationProblem.of_field(name, "must be a text or a list of texts.")
    for word in words:
        if definition.choices and word not in definition.choices:
            raise ValidationProblem.of_field(name, f"{word!r} is not one of {', '.join(definition.choices)}.")
    return words
