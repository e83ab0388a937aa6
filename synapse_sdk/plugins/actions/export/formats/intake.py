"""What depends on the order of items, decided while a bundle is read: names, splits, image ids, and images.

What is left of an item can be converted by any process. Nothing here looks at annotation data.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from synapse_sdk.plugins.actions.export.output.originals import ORIGINAL_FAILED
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems, RowEntry, RowHead, RowUnit
from synapse_sdk.utils.converters.blocks import BlockItem
from synapse_sdk.utils.converters.names import NameAllocator

if TYPE_CHECKING:
    from synapse_sdk.plugins.actions.export.formats.exporter import FormatExporter

NO_SPLIT = "no tag of the item names its split"
NOT_CARRIED = "the format cannot carry it"
# Enough that a block costs far more to convert than to send, few enough that its records stay in the processor's cache.
BLOCK_ITEMS = 128
_NO_UNIT = RowUnit()
_File = dict[str, Any]


@dataclass
class Block:
    """Items in order, and what the export counts about them.

    Attributes:
        fronts: What the items' digest takes of each, without its data.
        saved: Items that go into the data set.
    """

    items: list[BlockItem] = field(default_factory=list)
    fronts: list[bytes] = field(default_factory=list)
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
        self._front = exporter.digest.front
        self._must_split = bool(exporter.params.get("split"))

    def blocks(self) -> Iterator[Block]:
        """The items in blocks, those that are left out among them: the loss report names them in their place.

        Raises:
            BundleError: The bundle is not what its manifest says.
            OSError: An image cannot be written.
        """
        block = Block()
        with closing(self._stream()) as stream:
            for head, file in stream:
                self._admit(head, file, block)
                if len(block.items) >= BLOCK_ITEMS:
                    yield block
                    block = Block()
        if block.items:
            yield block

    def _stream(self) -> Any:
        if not self._exporter.saves_originals:
            return ((head, None) for head in self._rows.heads())
        found = ((head, self._file_of(head)) for head in self._rows.heads())
        return self._exporter.originals.ahead(found, lambda pair: (pair[0].id, pair[1]), self._writer.sink.folder)

    def _admit(self, head: RowHead, file: _File | None, block: Block) -> None:
        unit, tags = head.data_unit or _NO_UNIT, head.tags or []
        name = self._names.allocate(head.own_name, fallback=str(head.id))
        split = self._exporter.split_of(head.id, unit.id, tags) if self._must_split else None
        item = BlockItem(head.id, name, bytes(head.data), split, unit.width or 0, unit.height or 0, tags)
        item.skip, is_saved = self._place(item, file)
        if is_saved:
            item.image_id, item.note = self._writer.claim_image_id(unit.id, head.id)
        block.saved += is_saved
        block.items.append(item)
        files = {key: (entry.file_name_original, entry.sha256) for key, entry in (head.files_manifest or {}).items()}
        block.fronts.append(self._front(head.id, (unit.id, unit.name, unit.width, unit.height), files, tags))

    def _place(self, item: BlockItem, file: _File | None) -> tuple[str, bool]:
        """Why an item is left out by us, if it is, and whether it goes into the data set; its image is placed."""
        exporter = self._exporter
        if item.split is None and self._must_split:
            exporter.leave_out(item.id, item.name, NO_SPLIT)
            return NO_SPLIT, False
        path = "" if file is None else self._writer.image_path(item.name, item.split)
        if file is not None and not exporter.place_image(item.id, file, path):
            return ORIGINAL_FAILED, False
        if self._writer.needs_size and (item.width <= 0 or item.height <= 0):
            if file is not None:
                exporter.remove_image(path)
            exporter.leave_out(item.id, item.name, NOT_CARRIED)
            return "", False
        return "", True

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
        return f"{base}/{quote(entry.bundle_path) if '://' in base else entry.bundle_path}"
