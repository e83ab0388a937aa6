"""What depends on the order of items, decided while a bundle is read: names, splits, image ids, and images.

What is left of an item can be converted by any process. Nothing here looks at annotation data.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from synapse_sdk.plugins.actions.export.bundle import safe_bundle_path
from synapse_sdk.plugins.actions.export.output.originals import ORIGINAL_FAILED
from synapse_sdk.plugins.actions.export.output.record import Front
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems, RowEntry, RowHead, RowUnit
from synapse_sdk.utils.converters.blocks import BlockItem
from synapse_sdk.utils.converters.names import NameAllocator

if TYPE_CHECKING:
    from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter

NO_SPLIT = "no tag of the item names its split"
NOT_CARRIED = "the format cannot carry it"
# Enough that a block costs far more to convert than to send, few enough that its records stay in the processor's cache.
BLOCK_ITEMS = 64
_NO_UNIT = RowUnit()
_NO_FILES: dict[str, RowEntry] = {}
_File = dict[str, Any]
_Row = tuple[RowHead, _File | None]


@dataclass
class Block:
    """Items in order, and what the export counts about them.

    Attributes:
        saved: Items that go into the data set.
    """

    items: list[BlockItem] = field(default_factory=list)
    saved: int = 0


class Intake:
    """Reads a bundle's rows into blocks.

    Args:
        exporter: Whose parameters, writer, originals and error lists are used.
        rows: The bundle.
    """

    def __init__(self, exporter: FormatExporter, rows: BundleItems) -> None:
        self._exporter = exporter
        self._rows = rows
        self._writer = exporter.dataset
        self._names = NameAllocator()
        self._must_split = bool(exporter.params.get("split"))

    def blocks(self) -> Iterator[Block]:
        """The items in blocks, those that are left out among them: the loss report names them in their place.

        Raises:
            BundleError: The bundle is not what its manifest says.
            OSError: An image cannot be written.
        """
        with closing(self._stream()) as stream:
            while rows := list(islice(stream, BLOCK_ITEMS)):
                yield self._admit(rows)

    def _stream(self) -> Generator[_Row, None, None]:
        if not self._exporter.saves_originals:
            return ((head, None) for head in self._rows.heads())
        found = ((head, self._file_of(head)) for head in self._rows.heads())
        return self._exporter.originals.ahead(found, lambda pair: (pair[0].id, pair[1]), self._writer.sink.folder)

    def _admit(self, rows: list[_Row]) -> Block:
        block, allocate, claim = Block(), self._names.allocate, self._writer.claim_image_id
        fronts: list[Front] = []
        texts: list[memoryview] = []
        for head, file in rows:
            row_id, unit, tags, data = head.id, head.data_unit or _NO_UNIT, head.tags or (), memoryview(head.data)
            unit_id, width, height = unit.id, unit.width, unit.height
            split = self._exporter.split_of(row_id, unit_id, tags) if self._must_split else None
            name = allocate(head.own_name, row_id)
            item = BlockItem(row_id, name, data, split, width or 0, height or 0, tags)
            if self._place(item, file):
                item.image_id, item.note = claim(unit_id, row_id)
                block.saved += 1
            block.items.append(item)
            named = {}
            # Without a comprehension, which is a call for each row.
            for key, entry in (head.files_manifest or _NO_FILES).items():
                named[key] = entry.file_name_original, entry.sha256
            fronts.append((row_id, (unit_id, unit.name, width, height), named, tags, len(data)))
            texts.append(data)
        self._exporter.digest.add_block(fronts, texts)
        return block

    def _place(self, item: BlockItem, file: _File | None) -> bool:
        """Whether an item goes into the data set; its image is placed, or the item says why we leave it out."""
        exporter = self._exporter
        if self._must_split and item.split is None:
            exporter.leave_out(item.id, item.name, NO_SPLIT)
            item.skip = NO_SPLIT
            return False
        path = "" if file is None else self._writer.image_path(item.name, item.split)
        if file is not None and not exporter.place_image(item.id, file, path):
            item.skip = ORIGINAL_FAILED
            return False
        if self._writer.needs_size and (item.width <= 0 or item.height <= 0):
            if file is not None:
                exporter.remove_image(path)
            exporter.leave_out(item.id, item.name, NOT_CARRIED)
            return False
        return True

    def _file_of(self, head: RowHead) -> _File:
        primary = head.primary
        if primary is None:
            return {}
        specification, entry = primary
        return {
            "url": self._url_of(entry),
            "file_name_original": entry.file_name_original,
            "sha256": entry.sha256,
            "size_bytes": entry.size_bytes,
            "specification": specification,
            "is_primary": entry.is_primary,
        }

    def _url_of(self, entry: RowEntry) -> str | None:
        if entry.bundle_path is None:
            return entry.url
        # The prefix is asked for each time: a fresh link changes it.
        base = self._rows.prefix.rstrip("/")
        path = safe_bundle_path(entry.bundle_path)
        return f"{base}/{quote(path) if '://' in base else path}"
