"""A bundle's rows on their way to items: one by one for exporters of any kind, or as blocks of lines."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec

from synapse_sdk.exceptions import BundleError
from synapse_sdk.plugins.actions.export.bundle import (
    BundleSource,
    iter_bundle_rows,
    map_files_to_bundle_local,
)
from synapse_sdk.plugins.actions.export.sources.items import row_to_item
from synapse_sdk.wire.bundle import BundleManifest, BundlePart


class RowUnit(msgspec.Struct, gc=False):
    """`RowDataUnit` without checks that the server has made."""

    id: int | None = None
    name: str | None = None
    width: int | None = None
    height: int | None = None


class RowEntry(msgspec.Struct, gc=False):
    """`RowFile`, the same way."""

    url: str | None = None
    bundle_path: str | None = None
    file_name_original: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    is_primary: bool = False


class RowHead(msgspec.Struct, gc=False):
    """A row whose annotation data is left as it is."""

    id: int
    data: msgspec.Raw = msgspec.Raw(b"null")
    data_unit: RowUnit | None = None
    tags: list[str] | None = None
    files_manifest: dict[str, RowEntry] | None = None

    @property
    def primary(self) -> tuple[str, RowEntry] | None:
        """The primary specification's file, else the first."""
        files = self.files_manifest
        if not files:
            return None
        if len(files) > 1:
            for found in files.items():
                if found[1].is_primary:
                    return found
        return next(iter(files.items()))

    @property
    def own_name(self) -> str:
        """The name that its image came with, else its id."""
        files = self.files_manifest
        if not files:
            return str(self.id)
        # As `primary`, in half the time: every row comes by here.
        for entry in files.values():
            if entry.is_primary:
                break
        else:
            entry = next(iter(files.values()))
        return entry.file_name_original or str(self.id)


decode_head = msgspec.json.Decoder(RowHead).decode
_decode_heads = msgspec.json.Decoder(RowHead).decode_lines
_DATA, _UNIT = b',"data":', b',"data_unit":'


class BundleItems:
    """The items of a bundle, in order and once: iterate, or take the blocks.

    Args:
        source: Where the bundle is.
        manifest: Its manifest, checked.
    """

    def __init__(self, source: BundleSource, manifest: BundleManifest) -> None:
        self._source = source
        self._manifest = manifest
        self._items = self._iterate()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._items

    def __next__(self) -> dict[str, Any]:
        return next(self._items)

    @property
    def prefix(self) -> str:
        """Folder, or URL, that the bundle's paths are relative to; a fresh link changes it."""
        return self._source.prefix

    def heads(self) -> Iterator[RowHead]:
        """The rows, each decoded as far as its order matters.

        Raises:
            BundleError: A part is torn, has another number of rows than announced, or its ids do not ascend.
        """
        return chain.from_iterable(self._head_blocks())

    def _head_blocks(self) -> Iterator[list[RowHead]]:
        last_id = 0
        for part in self._manifest.parts:
            count = 0
            with self._source.open_part(part) as blocks:
                for lines in blocks:
                    heads = _decode(lines, count, part)
                    ids = [head.id for head in heads]
                    if any(map(operator.ge, [last_id, *ids], ids)):
                        raise BundleError(f"The ids in {part.path} of the bundle do not ascend. Export again.")
                    count += len(heads)
                    if count > part.rows:
                        break
                    last_id = ids[-1] if ids else last_id
                    yield heads
            if count != part.rows:
                raise BundleError(f"Part {part.path} of the bundle does not have its {part.rows} rows. Export again.")

    def _iterate(self) -> Iterator[dict[str, Any]]:
        for row in iter_bundle_rows(self._source, self._manifest):
            # The prefix is asked for each time: a fresh link changes it.
            yield row_to_item(map_files_to_bundle_local(row, self._source.prefix))


def _decode(lines: bytes, before: int, part: BundlePart) -> list[RowHead]:
    if not lines.endswith(b"\n"):
        number = before + lines.count(b"\n") + 1
        raise BundleError(f"Line {number} of {part.path} in the bundle breaks off. Export again.")
    try:
        return _decode_around_data(lines) or _decode_heads(lines)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        last = before + lines.count(b"\n")
        where = f"One of the lines {before + 1} to {last} of {part.path} in the bundle"
        raise BundleError(f"{where} is not a row ({exc}). Export again.") from exc


def _decode_around_data(lines: bytes) -> list[RowHead] | None:
    """The same in half the time, without a look at the data; None when it does not lie where the server puts it.

    What is in front of `data` and what begins with `data_unit` only make up a row when both are fields of the row
    itself: cut anywhere else, brackets are left open. That no other field lies between them is seen at the first row.
    """
    view, start = memoryview(lines), 0
    around: list[bytes] = []
    texts: list[msgspec.Raw] = []
    while end := lines.find(b"\n", start) + 1:
        data, unit = lines.find(_DATA, start, end), lines.rfind(_UNIT, start, end)
        if not start < data < unit:
            return None
        around += lines[start:data], lines[unit:end]
        texts.append(msgspec.Raw(view[data + len(_DATA) : unit]))
        start = end
    try:
        heads = _decode_heads(b"".join(around))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    for head, text in zip(heads, texts, strict=True):
        head.data = text
    first = decode_head(lines[: lines.index(b"\n")])
    return heads if first.data == texts[0] else None
