"""One scan over an export's rows whose lines the database itself composes.

A row then costs this process next to nothing: it is fetched as one text, joined with its neighbours, and written. That
is what keeps a bundle close to the price of a plain dump. The bytes are those of `export_rows.export_line`, which
answers that carry single rows use; a test compares the two.

SQLite puts the pieces of a line into one text by `printf`, which its driver's own cursor gives; joining them one by one
would copy the annotations with each. PostgreSQL sends them as the columns of a COPY, for the same reason. All that is
left to do here is to drop the tabs between them. No piece holds a tab or a line feed of its own, because they are JSON.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import LargeBinary, Select, Text, cast, func, literal, literal_column, null, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from web_helper.backend.models import DataFile, DataUnit, DataUnitFile, Tag
from web_helper.backend.queries.export_rows import RowSource
from web_helper.backend.queries.filters import Selection

# Joined and written together: few enough that a block of large rows stays small.
ROWS_PER_BLOCK = 200
_POSTGRES_PLAN = (
    "SET LOCAL enable_sort = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
    "SET LOCAL max_parallel_workers_per_gather = 0"
)


@dataclass(frozen=True)
class Composer:
    """How lines are composed in one database's SQL, and what need not be asked for each row because there is none."""

    is_postgres: bool
    has_files: bool = True
    has_tags: bool = True

    def quote(self, column: Any) -> Any:
        """A text as JSON."""
        return cast(func.to_json(column), Text) if self.is_postgres else func.json_quote(column)

    def value(self, column: Any) -> Any:
        """A number, or text that is JSON already, or null."""
        return column if self.is_postgres else func.coalesce(column, "null")

    def line(self, *pieces: Any) -> tuple[Any, ...]:
        """The columns that make up a line; a `str` is a piece that is the same in every line."""
        if self.is_postgres:
            return tuple(_text(piece) if isinstance(piece, str) else piece for piece in pieces)
        pattern = "".join([piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in pieces])
        values = [piece for piece in pieces if not isinstance(piece, str)]
        # SQLite gives a blob as the bytes that it has; a text would be decoded, only to be encoded again.
        return (cast(func.printf(_text(pattern), *values), LargeBinary),)

    def flag(self, column: Any) -> Any:
        """A truth value as JSON."""
        return cast(column, Text) if self.is_postgres else func.iif(column, "true", "false")

    def listed(self, items: Select[Any], opening: str, closing: str) -> Any:
        """The one column of an ordered select, joined by commas; with nothing in it, only the brackets."""
        rows = items.subquery()
        joined = (func.string_agg if self.is_postgres else func.group_concat)(rows.c[0], literal_column("','"))
        return _text(opening) + func.coalesce(select(joined).scalar_subquery(), "") + _text(closing)


class Scan(Protocol):
    """Rows on their way, ascending by key."""

    def take_lines(self, count: int) -> tuple[bytes, int]:
        """The next `count` rows of `lines_of`, each ended by a line feed, and how many they are; fewer at the end."""

    def take_rows(self, count: int) -> list[tuple[bytes, bytes | None]]:
        """The next rows of `heads_of`."""


def lines_of(composer: Composer, source: RowSource, base_url: str) -> Select[Any]:
    """Whole lines, with files by reference."""
    return _select(source, *composer.line(*_head(composer, source), _file_objects(composer, base_url), "}"))


def heads_of(composer: Composer, source: RowSource) -> Select[Any]:
    """Lines up to their files, and the files as JSON lists of `UnitFile`'s fields, or null."""
    return _select(source, *composer.line(*_head(composer, source)), _file_lists(composer))


def between(statement: Select[Any], selection: Selection, first_id: int, last_id: int) -> Select[Any]:
    """The selected rows from one id to another, both included, ascending."""
    key = selection.keys[-1]
    return selection.apply(statement).where(key.between(first_id, last_id)).order_by(key)


def composer_of(session: Session, source: RowSource) -> Composer:
    """The composer for the session's database and what its snapshot holds."""
    has_files = _exists(session, DataUnitFile.__table__)
    has_tags = source.tag_table is not None and _exists(session, source.tag_table)
    return Composer(session.get_bind().dialect.name == "postgresql", has_files, has_tags)


def _exists(session: Session, table: Any) -> bool:
    return session.execute(select(literal_column("1")).select_from(table).limit(1)).first() is not None


@contextmanager
def scanning(session: Session, statement: Select[Any]) -> Iterator[Scan]:
    """Run a statement of `between`.

    Raises:
        DBAPIError: The database failed, now or while rows are taken.
    """
    if session.get_bind().dialect.name == "postgresql":
        with _copying(session, statement) as copy:
            yield _CopyScan(copy)
        return
    result: Any = session.connection().execute(statement)
    driver_error = session.get_bind().dialect.loaded_dbapi.Error
    try:
        yield _CursorScan(result.cursor)
    except driver_error as exc:
        raise _translated(exc, driver_error) from exc
    finally:
        result.close()


def flow_in_order(session: Session) -> None:
    """Have PostgreSQL walk the key of a scan over whole stretches of ids, until the transaction ends.

    Its own choice, to sort, would wait for all rows and spill them to disk. Not for scans of a few rows among many.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(_POSTGRES_PLAN)


@contextmanager
def _copying(session: Session, statement: Select[Any]) -> Iterator[Any]:
    connection = session.connection()
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    driver: Any = connection.connection.driver_connection
    driver_error = connection.dialect.loaded_dbapi.Error
    try:
        # COPY takes no bound values: psycopg quotes them into the statement.
        with (
            driver.cursor() as cursor,
            cursor.copy(f"COPY ({compiled}) TO STDOUT (NULL 'null')", compiled.params) as copy,
        ):
            yield copy
            # Until its end has been read, the connection takes no other statement.
            for _ in copy:
                pass
    except driver_error as exc:
        raise _translated(exc, driver_error, connection_invalidated=driver.closed) from exc


def _translated(error: Exception, base: type[Exception], *, connection_invalidated: bool = False) -> DBAPIError:
    """A driver's error as SQLAlchemy raises it."""
    translated = DBAPIError.instance(None, None, error, base, connection_invalidated=connection_invalidated)
    return typing.cast("DBAPIError", translated)


@dataclass(frozen=True)
class _CursorScan:
    cursor: Any

    def take_lines(self, count: int) -> tuple[bytes, int]:
        lines = [line for (line,) in self.cursor.fetchmany(count)]
        return b"\n".join([*lines, b""]), len(lines)

    def take_rows(self, count: int) -> list[tuple[bytes, bytes | None]]:
        return [(head, None if files is None else files.encode()) for head, files in self.cursor.fetchmany(count)]


@dataclass(frozen=True)
class _CopyScan:
    copy: Any

    def take_lines(self, count: int) -> tuple[bytes, int]:
        lines = list(islice(self.copy, count))
        return _joined(b"".join(lines)), len(lines)

    def take_rows(self, count: int) -> list[tuple[bytes, bytes | None]]:
        rows = (bytes(row).rstrip(b"\n").rpartition(b"\t") for row in islice(self.copy, count))
        return [(_joined(head), None if files == b"null" else _joined(files)) for head, _, files in rows]


def _joined(columns: bytes) -> bytes:
    # Of all that COPY escapes, JSON text holds only the backslash.
    data = columns.replace(b"\t", b"")
    return data.replace(b"\\\\", b"\\") if b"\\" in data else data


def _text(value: str) -> Any:
    quoted = value.replace("'", "''")
    return literal_column(f"'{quoted}'", Text)


def _select(source: RowSource, *columns: Any) -> Select[Any]:
    statement = select(*columns).select_from(source.listing.entity)
    if source.via is not None:
        statement = statement.join(source.via)
    return statement.join(DataUnit, DataUnit.id == source.data_unit_id)


def _concat(*pieces: Any) -> Any:
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole.concat(piece)
    return whole


def _head(composer: Composer, source: RowSource) -> list[Any]:
    """The line up to its files."""
    return [
        '{"id":', source.listing.key, ',"data":', composer.value(source.data),
        ',"data_unit":{"id":', DataUnit.id, ',"name":', composer.quote(DataUnit.name),
        ',"width":', composer.value(DataUnit.width), ',"height":', composer.value(DataUnit.height),
        '},"tags":', _tags(composer, source), ',"files_manifest":',
    ]  # fmt: skip


def _tags(composer: Composer, source: RowSource) -> Any:
    if source.tag_table is None or not composer.has_tags:
        return "[]"
    owner = source.tag_table.c[source.tagged_id]
    names = (
        select(composer.quote(Tag.name))
        .select_from(source.tag_table)
        .join(Tag, Tag.id == source.tag_table.c.tag_id)
        .where(owner == source.listing.key)
        .order_by(Tag.name)
        .correlate(source.listing.entity)
    )
    return composer.listed(names, "[", "]")


def _files(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(DataUnitFile)
        .join(DataFile, DataFile.id == DataUnitFile.data_file_id)
        .where(DataUnitFile.data_unit_id == DataUnit.id)
        .order_by(DataUnitFile.specification)
        .correlate(DataUnit)
    )


def _file_objects(composer: Composer, base_url: str) -> Any:
    if not composer.has_files:
        return "{}"
    item = _concat(
        composer.quote(DataUnitFile.specification),
        _text(':{"file_name_original":'), composer.quote(DataUnitFile.file_name_original),
        _text(',"url":'), composer.quote(
            literal(f"{base_url}/data_files/", Text) + cast(DataFile.id, Text) + _text("/content/")
        ),
        _text(',"bundle_path":null,"size_bytes":'), cast(DataFile.size_bytes, Text),
        _text(',"sha256":"'), DataFile.sha256,
        _text('","is_primary":'), composer.flag(DataUnitFile.is_primary), _text("}"),
    )  # fmt: skip
    return composer.listed(_files(item), "{", "}")


def _file_lists(composer: Composer) -> Any:
    if not composer.has_files:
        return null()
    columns: Sequence[Any] = (
        cast(DataFile.id, Text), cast(DataFile.storage_id, Text), composer.quote(DataFile.path),
        composer.quote(DataFile.sha256), cast(DataFile.size_bytes, Text), composer.quote(DataUnitFile.specification),
        composer.flag(DataUnitFile.is_primary), composer.quote(DataUnitFile.file_name_original),
    )  # fmt: skip
    item = _text("[") + columns[0]
    for column in columns[1:]:
        item = item + _text(",") + column
    return func.nullif(composer.listed(_files(item + _text("]")), "[", "]"), "[]")
