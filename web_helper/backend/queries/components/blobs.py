"""The bytes of versions, packed: the newest of a path alone, older ones against the next newer one, as git packs them.

A blob's base is always one that came later, in a transaction of its own, so no chain can come back to where it began.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from web_helper.backend.models import ComponentBlob
from web_helper.backend.queries.components.rows import Texts, add_rows
from web_helper.backend.queries.data.upsert import insert_missing

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Somebody waits while it is packed, with thousands of others.
NEW_LEVEL, OLD_LEVEL = 1, 3
DIGESTS_PER_QUERY = 5_000
# What the library takes; less would not help either.
SMALLEST_BASE = 8


class _Packed(NamedTuple):
    """A blob as it is stored."""

    size_bytes: int
    content: bytes
    is_packed: bool
    base: str | None


class StoredContents:
    """Contents as they are stored: opened when they are asked for, after the transaction too, by whichever thread.

    Attributes:
        sizes: Of the bytes, by SHA-256.
    """

    def __init__(self, stored: Mapping[str, _Packed], digests: Iterable[str]) -> None:
        self._stored = stored
        self.sizes = {digest: stored[digest].size_bytes for digest in digests if digest in stored}

    def open(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Bytes by SHA-256, in this order."""
        opened: dict[str, bytes] = {}
        return {digest: _open(digest, self._stored, opened) for digest in digests}

    def frames(self, digests: Iterable[str]) -> Iterator[bytes]:
        """Each as a zstd frame of its own: as it is stored, where it stands alone."""
        for digest in digests:
            packed = self._stored[digest]
            is_frame = packed.is_packed and packed.base is None
            yield packed.content if is_frame else zstd.compress(self.open([digest])[digest], NEW_LEVEL)


def read_contents(session: Session, digests: Iterable[str]) -> StoredContents:
    """Contents, with whatever they are packed against (primary key)."""
    wanted = sorted(set(digests))
    stored: dict[str, _Packed] = {}
    for start in range(0, len(wanted), DIGESTS_PER_QUERY):
        stored |= _read(session, wanted[start : start + DIGESTS_PER_QUERY])
    return StoredContents(stored, wanted)


def sizes_of(session: Session, digests: Iterable[str]) -> dict[str, int]:
    """Bytes of each content by SHA-256, which it takes no content to read (primary key)."""
    wanted = sorted(set(digests))
    statements = _statements(session.get_bind().dialect.name)
    sizes: dict[str, int] = {}
    for start in range(0, len(wanted), DIGESTS_PER_QUERY):
        given = statements.texts.of(wanted[start : start + DIGESTS_PER_QUERY])
        sizes |= dict(session.connection().execute(statements.sizes, given).all())
    return sizes


def contents_of(session: Session, digests: Iterable[str]) -> dict[str, bytes]:
    """Bytes by SHA-256, with whatever they are packed against (primary key)."""
    contents = read_contents(session, digests)
    return contents.open(contents.sizes)


def add_blobs(session: Session, contents: Mapping[str, bytes], now: datetime) -> None:
    """Contents by SHA-256; those that are there stay as they are."""
    packer = zstd.ZstdCompressor(level=NEW_LEVEL)
    add_rows(
        session,
        insert_missing(session, ComponentBlob),
        same={"is_packed": True, "base_sha256": None, "created": now},
        columns=("sha256", "size_bytes", "content"),
        rows=(
            (digest, len(content), packer.compress(content, packer.FLUSH_FRAME)) for digest, content in contents.items()
        ),
    )


def find_stored(session: Session, digests: Sequence[str]) -> set[str]:
    """Those of these contents that are there (primary key)."""
    statements = _statements(session.get_bind().dialect.name)
    found: set[str] = set()
    for start in range(0, len(digests), DIGESTS_PER_QUERY):
        some = digests[start : start + DIGESTS_PER_QUERY]
        found |= set(session.connection().execute(statements.stored, statements.texts.of(some)).scalars())
    return found


def pack_older(session: Session, pairs: Mapping[str, str]) -> None:
    """Pack contents against newer ones.

    Args:
        session: Of the transaction that has added the newer ones.
        pairs: The newer content's SHA-256 by the older one's. The newer must have come in this very transaction; an
            older one that is packed against another already stays as it is.
    """
    alone = {
        digest
        for digest, packed in _read(session, list(pairs), with_bases=False).items()
        if packed.base is None and digest != pairs[digest]
    }
    if not alone:
        return
    contents = contents_of(session, alone | {pairs[digest] for digest in alone})
    rows = [
        {
            "digest": digest,
            "content": zstd.compress(
                contents[digest], OLD_LEVEL, zstd_dict=zstd.ZstdDict(contents[pairs[digest]], is_raw=True)
            ),
            "is_packed": True,
            "base_sha256": pairs[digest],
        }
        for digest in sorted(alone)
        if len(contents[pairs[digest]]) >= SMALLEST_BASE
    ]
    if not rows:
        return
    table: Any = ComponentBlob.__table__
    session.execute(update(table).where(table.c.sha256 == bindparam("digest")), rows)


def _read(session: Session, digests: Sequence[str], *, with_bases: bool = True) -> dict[str, _Packed]:
    statements = _statements(session.get_bind().dialect.name)
    statement = statements.with_bases if with_bases else statements.alone
    rows = session.connection().execute(statement, statements.texts.of(digests))
    return {digest: _Packed(size, bytes(content), packed, base) for digest, size, content, packed, base in rows}


class _Statements:
    """What is asked of the contents all the time, built once for a dialect."""

    def __init__(self, dialect: str) -> None:
        table: Any = ComponentBlob.__table__
        self.texts = Texts(dialect)
        those = self.texts.hold(table.c.sha256)
        query = select(table.c.sha256, table.c.size_bytes, table.c.content, table.c.is_packed, table.c.base_sha256)
        self.stored = select(table.c.sha256).where(those)
        self.sizes = select(table.c.sha256, table.c.size_bytes).where(those)
        self.alone = query.where(those)
        chain = select(table.c.sha256, table.c.base_sha256).where(those).cte(recursive=True)
        # Not `union all`: two contents may be packed against one.
        bases = select(table.c.sha256, table.c.base_sha256).join(chain, table.c.sha256 == chain.c.base_sha256)
        self.with_bases = query.where(table.c.sha256.in_(select(chain.union(bases).c.sha256)))


@cache
def _statements(dialect: str) -> _Statements:
    return _Statements(dialect)


def _open(digest: str, stored: Mapping[str, _Packed], opened: dict[str, bytes]) -> bytes:
    """Unpack a content after those that it is packed against; a chain may be longer than Python likes to recurse."""
    chain = [digest]
    while (base := stored[chain[-1]].base) is not None and base not in opened:
        chain.append(base)
    for each in reversed(chain):
        packed = stored[each]
        if not packed.is_packed:
            opened[each] = packed.content
        elif packed.base is None:
            opened[each] = zstd.decompress(packed.content)
        else:
            opened[each] = zstd.decompress(packed.content, zstd.ZstdDict(opened[packed.base], is_raw=True))
    return opened[digest]
