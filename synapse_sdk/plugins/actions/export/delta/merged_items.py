"""The items of an old export with a delta laid over them: what a whole export at the delta's moment would read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from synapse_sdk.plugins.actions.export.delta.images import open_images
from synapse_sdk.plugins.actions.export.delta.kept_items import KeptItems
from synapse_sdk.plugins.actions.export.delta.opened import OpenedExport
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems, RowHead, decode_head
from synapse_sdk.utils.converters import Format
from synapse_sdk.utils.converters.names import NameAllocator

# Where an item's image is in its export: by the name it was given and the item's head.
PathOf = Callable[[str, RowHead], str | None]
_Line = tuple[int, bytes, RowHead, str | None]


class MergedItems(BundleItems):
    """Items ascending by id, once; only the built-in formats read them, and those by `heads`.

    Args:
        old: The older export.
        delta: What changed since.
        image_path: Where an item's image is in the folder of its export; None answers when it has none.
        kept: Takes the lines, when the result is to be brought up to date again.
    """

    prefix = ""

    def __init__(self, old: OpenedExport, delta: OpenedExport, image_path: PathOf, kept: KeptItems | None) -> None:
        self._old, self._delta, self._image_path, self._kept = old, delta, image_path, kept
        self._gone = delta.deletions()
        self._items = iter(())

    def count(self) -> int:
        """How many items there will be; reads both exports once.

        Raises:
            ExportError: The items of one cannot be read.
        """
        changed = {_id_of(line) for line in self._delta.lines()}
        replaced = changed | self._gone
        return len(changed) + sum(_id_of(line) not in replaced for line in self._old.lines())

    def heads(self) -> Iterator[RowHead]:
        """The rows; each image's link leads to the export that has it.

        Raises:
            ExportError: The items of one cannot be read.
        """
        for _, line, head, image in self._merged():
            if self._kept is not None:
                self._kept.add(line)
            if image is not None and (primary := head.primary):
                primary[1].bundle_path, primary[1].url = None, image
            yield head

    def _merged(self) -> Iterator[_Line]:
        with closing(self._located(self._old)) as before, closing(self._located(self._delta)) as after:
            old, new = next(before, None), next(after, None)
            while old is not None or new is not None:
                if new is not None and (old is None or new[0] <= old[0]):
                    if old is not None and old[0] == new[0]:
                        old = next(before, None)
                    yield new
                    new = next(after, None)
                elif old is not None:
                    if old[0] not in self._gone:
                        yield old
                    old = next(before, None)

    def _located(self, export: OpenedExport) -> Any:
        names, images = NameAllocator(), open_images(export.folder, Format(export.record["format"]))
        for line in export.lines():
            head = decode_head(line)
            # Names are given out by arrival: each item has to be looked at to know where the next one's image is.
            path = self._image_path(names.allocate(head.own_name, fallback=str(head.id)), head)
            yield head.id, line, head, None if path is None else images.find(path)


def _id_of(line: bytes) -> int:
    # The id comes first in every line that the server writes.
    return int(line[6 : line.index(b",")]) if line.startswith(b'{"id":') else decode_head(line).id
