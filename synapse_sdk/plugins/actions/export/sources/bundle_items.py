"""A bundle's rows on their way to items: one by one for exporters of any kind, or as blocks of lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from synapse_sdk.exceptions import BundleError
from synapse_sdk.plugins.actions.export.bundle import (
    BundleSource,
    iter_bundle_rows,
    map_files_to_bundle_local,
    safe_bundle_path,
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
        marked = (found for found in files.items() if found[1].is_primary) if len(files) > 1 else iter(())
        return next(marked, None) or next(iter(files.items()))

    @property
    def own_name(self) -> str:
        """The name that its image came with, else its id."""
        primary = self.primary
        return (primary[1].file_name_original if primary else None) or str(self.id)


decode_head = msgspec.json.Decoder(RowHead).decode


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
        last_id = 0
        for part in self._manifest.parts:
            with self._source.open_part(part) as lines:
                for head in _heads_of_part(lines, part):
                    if head.id <= last_id:
                        raise BundleError(
                            f"The ids in {part.path} of the bundle do not ascend at {head.id}. Export again."
                        )
                    last_id = head.id
                    yield head

    def _iterate(self) -> Iterator[dict[str, Any]]:
        for row in iter_bundle_rows(self._source, self._manifest):
            # The prefix is asked for each time: a fresh link changes it.
            yield row_to_item(map_files_to_bundle_local(row, self._source.prefix))


def _heads_of_part(lines: Iterator[bytes], part: BundlePart) -> Iterator[RowHead]:
    count = 0
    for line in lines:
        count += 1
        if count > part.rows:
            break
        yield _decode(line, count, part)
    if count != part.rows:
        raise BundleError(f"Part {part.path} of the bundle does not have its {part.rows} rows. Export again.")


def _decode(line: bytes, number: int, part: BundlePart) -> RowHead:
    if not line.endswith(b"\n"):
        raise BundleError(f"Line {number} of {part.path} in the bundle breaks off. Export again.")
    try:
        head = decode_head(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BundleError(f"Line {number} of {part.path} in the bundle is not a row ({exc}). Export again.") from exc
    if head.files_manifest:
        for entry in head.files_manifest.values():
            if entry.bundle_path is not None:
                safe_bundle_path(entry.bundle_path)
    return head
