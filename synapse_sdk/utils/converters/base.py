"""The frame of every writer: one item in, one item out or one entry in the loss report.

Writers hold no data set: what they keep grows with the number of classes and splits, not of items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

import msgspec
from msgspec import UNSET

from synapse_sdk.exceptions import BundleError, FormatError
from synapse_sdk.utils.converters.blocks import VALUES, BlockItem, Chunk, Lane, Typed, typed_decoder
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.losses import DroppedNames, LossCode, Skip
from synapse_sdk.utils.converters.records import SUMS, UnfitError, WriterReport, annotations_of
from synapse_sdk.utils.converters.shapes.fitting import Annotation, Notes
from synapse_sdk.utils.converters.sinks import LocalSink, Sink

# Those of `synapse_sdk.wire.annotations.Annotation`, without waiting for pydantic to load; a test compares the two.
KNOWN_FIELDS = frozenset({
    "id", "type", "category", "bbox", "rotation", "segmentation", "keypoints", "area", "iscrowd", "attributes", "score",
})  # fmt: skip


# Items and annotations that wait to be written together.
_WAITING = 4096


class DatasetWriter(ABC):
    """Writes one data set into a sink, item by item.

    Use as a context manager or call `close`; leaving by an exception calls `abort`, which removes unfinished files.

    Args:
        sink: Where the data set goes, or the folder of this machine that is its root.

        classes: The project's classes, whose ids and order the output keeps.

    Attributes:
        is_spread: Other processes convert other items of the same data set: what needs their order is refused.
    """

    format: ClassVar[Format]
    needs_size: ClassVar[bool] = True
    carried_attributes: ClassVar[frozenset[str] | None] = None
    carries_score: ClassVar[bool] = True
    carries_tags: ClassVar[bool] = True
    # How annotations on the short way come by their attributes: `VALUES` or `TEXT`.
    _attributes: ClassVar[Any] = VALUES

    def __init__(self, sink: Sink | Path, classes: ClassMap) -> None:
        self.sink: Sink = LocalSink(sink) if isinstance(sink, Path) else sink
        self.classes = classes
        self.report = WriterReport(self.format)
        self._per_class = dict.fromkeys(classes.names, 0)
        self._notes: Notes = []
        self._typed_annotations = typed_decoder(classes.names, self._attributes)
        self._dropped = DroppedNames(self.carried_attributes or frozenset())
        self._closed = False
        self._waiting = 0
        self._whole_files: list[tuple[str, bytes]] = []
        self.is_spread = False

    @property
    def out_dir(self) -> Path:
        """The data set's root on this machine.

        Raises:
            FormatError: It goes somewhere else.
        """
        if self.sink.folder is None:
            raise FormatError("The data set is not written into a folder of this machine.")
        return self.sink.folder

    @abstractmethod
    def image_path(self, image_name: str, split: str | None = None) -> str:
        """Where the format expects an image, relative to the root, with forward slashes."""

    @abstractmethod
    def _convert(self, annotation: Annotation, item: BlockItem) -> Any:
        """One annotation as the format's record; raises `UnfitError` when it cannot carry it."""

    def _convert_typed(self, annotation: Typed, item: BlockItem) -> Any:  # noqa: ARG002 - a format may have no short way
        """The same for a plain annotation, in less time; None, and nothing noted, when it has to go the long way."""
        return None

    @abstractmethod
    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        """Keep an item until the next `_take`."""

    @abstractmethod
    def _take(self) -> list[Lane]:
        """What was kept since the last time, as bytes."""

    @abstractmethod
    def _append(self, lane: Lane) -> None:
        """Write what was taken, here or in another process."""

    @abstractmethod
    def _finish(self) -> None:
        """Complete the files. Called once, after the last item."""

    def claim_image_id(self, unit_id: Any, item_id: int | str) -> tuple[int, str]:  # noqa: ARG002 - a format may have none
        """Give out an image id, and say what the loss report has to tell about it. In order of the items."""
        return 0, ""

    def write(self, item: Mapping[str, Any], image_name: str, split: str | None = None) -> bool:
        """Write one item of the export.

        Args:
            item: The export's item: `id`, `data`, `data_unit`, `tags`.
            image_name: A safe name, unique in the data set (`NameAllocator`).
            split: Name of the split, or None when the data set is not split.

        Returns:
            Whether the item is in the output; when not, the loss report says why and its image must not be placed.

        Raises:
            OSError: A file cannot be written.
        """
        self.report.items_in += 1
        unit = item.get("data_unit") or {}
        width, height = unit.get("width") or 0, unit.get("height") or 0
        tags = item.get("tags") or ()
        placed = BlockItem(item["id"], image_name, split=split, width=width, height=height, tags=tags)
        annotations = annotations_of(item)
        if self.needs_size and (width <= 0 or height <= 0):
            self._lose_item(placed, len(annotations))
            return False
        placed.image_id, placed.note = self.claim_image_id(unit.get("id"), placed.id)
        self._note_item(placed, has_data=item.get("data") is not None)
        rows = self._rows(annotations, placed)
        self._save(placed, rows)
        self._count([split or ""], len(rows))
        self._waiting += 1 + len(rows)
        if self._waiting >= _WAITING:
            self.flush()
        return True

    def convert_block(self, items: Sequence[BlockItem]) -> Chunk:
        """What becomes of a block, for `absorb` to write: here, or in the process that puts blocks in order.

        Raises:
            NeedsOrderError: The writer is spread, and the outcome depends on earlier items.
        """
        report, per_class = self.report, self._per_class
        self.report, self._per_class = WriterReport(self.format), dict.fromkeys(per_class, 0)
        try:
            self._convert_items(items)
            files, self._whole_files = self._whole_files, []
            return Chunk(
                lanes=self._take(),
                counts={name: getattr(self.report, name) for name in SUMS},
                splits=dict(self.report.splits),
                per_class={name: count for name, count in self._per_class.items() if count},
                conversions=dict(self.report.conversions),
                files=files,
                losses=self.report.skipped.take(),
            )
        finally:
            self.report, self._per_class = report, per_class

    def _convert_items(self, items: Sequence[BlockItem]) -> None:
        splits: list[str] = []
        annotations = 0
        self.report.items_in += len(items)
        for item in items:
            if item.skip:
                self.report.items_skipped += 1
                self.report.skipped.add(Skip(item.id, None, LossCode.ITEM_SKIPPED, item.skip))
                continue
            typed = self._typed_annotations(item.data)
            if self.needs_size and (item.width <= 0 or item.height <= 0):
                self._lose_item(item, len(plain_annotations(item) if typed is None else typed))
                continue
            if not typed or item.tags or item.note:
                self._note_item(item, has_data=bytes(item.data) != b"null")
            rows = self._rows(plain_annotations(item), item) if typed is None else self._typed_rows(typed, item)
            self._save(item, rows)
            splits.append(item.split or "")
            annotations += len(rows)
        self._count(splits, annotations)

    def flush(self) -> None:
        """Write what was kept.

        Raises:
            OSError: A file cannot be written.
        """
        self._waiting = 0
        for path, data in self._whole_files:
            self.sink.write(path, data)
        self._whole_files.clear()
        for lane in self._take():
            self._append(lane)

    def absorb(self, chunk: Chunk) -> None:
        """Write what became of a block in another process. In order of the blocks.

        Raises:
            OSError: A file cannot be written.
        """
        for path, data in chunk.files:
            self.sink.write(path, data)
        for lane in chunk.lanes:
            self._append(lane)
        report = self.report
        for name, count in chunk.counts.items():
            setattr(report, name, getattr(report, name) + count)
        report.splits.update(chunk.splits)
        report.conversions.update(chunk.conversions)
        report.skipped.extend(chunk.losses)
        for name, count in chunk.per_class.items():
            self._per_class[name] += count

    def skip(self, item_id: int | str, message: str, code: LossCode = LossCode.ITEM_SKIPPED) -> None:
        """Count an item that the caller could not hand over, such as one whose image is gone."""
        self.report.items_in += 1
        self.report.items_skipped += 1
        self.report.skipped.add(Skip(item_id, None, code, message))

    def close(self) -> WriterReport:
        """Complete the data set and return what was done; a second call changes nothing.

        Raises:
            OSError: A file cannot be written.
        """
        if not self._closed:
            try:
                self.flush()
                self._finish()
            except BaseException:
                self.abort()
                raise
            self._closed = True
            self.report.per_class = self._per_class
        return self.report

    def abort(self) -> None:
        """Remove unfinished files. Label files that are complete stay: the folder is the caller's."""
        if not self._closed:
            self.sink.discard()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _rows(self, annotations: Sequence[Annotation], item: BlockItem) -> list[Any]:
        self.report.annotations_in += len(annotations)
        found = (self._row(annotation, place, item) for place, annotation in enumerate(annotations, 1))
        return [row for row in found if row is not None]

    def _typed_rows(self, annotations: Sequence[Typed], item: BlockItem) -> list[Any]:
        self.report.annotations_in += len(annotations)
        rows: list[Any] = []
        reduced: list[Skip] = []
        per_class, convert, notes, item_id = self._per_class, self._convert_typed, self._notes, item.id
        for place, annotation in enumerate(annotations, 1):
            row = convert(annotation, item)
            if row is None:
                self.report.skipped.add_all(reduced)
                reduced.clear()
                row = self._row(annotation.to_dict(), place, item)
                if row is None:
                    continue
            else:
                per_class[annotation.category] += 1
                if notes:
                    name = f"#{place}" if annotation.id is UNSET or annotation.id is None else annotation.id
                    for code, message in notes:
                        reduced.append(Skip(item_id, name, code, message))
                    notes.clear()
            rows.append(row)
        self.report.skipped.add_all(reduced)
        return rows

    def _row(self, annotation: Annotation, place: int, item: BlockItem) -> Any:
        """One annotation as the format's record; None, and an entry in the loss report, when it cannot be one."""
        row = None
        try:
            category = annotation.get("category")
            if category not in self._per_class:
                _refuse_class(category)
            row = self._convert(annotation, item)
            self._per_class[category] += 1
        except UnfitError as exc:
            self._lose_annotation(item, annotation, place, (exc.code, str(exc)))
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as exc:
            note = (LossCode.INVALID_GEOMETRY, f"its geometry cannot be read ({exc})")
            self._lose_annotation(item, annotation, place, note)
        if self._notes:
            self._flush_notes(item, annotation.get("id"), place)
        return row

    def _count(self, splits: Sequence[str], annotations: int) -> None:
        """Count images, one for each split that is given, and annotations."""
        report = self.report
        report.annotations += annotations
        report.images += len(splits)
        report.splits.update(splits)

    def _note_item(self, item: BlockItem, *, has_data: bool) -> None:
        if not has_data:
            self._lose(item, None, LossCode.NO_DATA, "the item has no annotation data; its image is kept as empty")
        if item.tags and not self.carries_tags:
            self._lose_tags(item)
        if item.note:
            self._lose(item, None, LossCode.IMAGE_ID_REASSIGNED, item.note)

    def _lose_item(self, item: BlockItem, lost: int) -> None:
        report = self.report
        report.annotations_in += lost
        report.annotations_skipped += lost
        report.items_skipped += 1
        self._lose(item, None, LossCode.SIZE_UNKNOWN, f"the size of the image is unknown ({lost} annotations)")

    def _note_dropped_attributes(self, annotation: Annotation) -> None:
        """Report attributes, score, crowd mark and fields beyond the schema that the format has no place for."""
        carried = self.carried_attributes
        dropped = [
            name for name in annotation.get("attributes") or () if carried is not None and name not in carried
        ]  # fmt: skip
        if annotation.get("score") is not None and not self.carries_score:
            dropped.append("score")
        if annotation.get("iscrowd") and not self.carries_score:
            dropped.append("iscrowd")
        if not KNOWN_FIELDS.issuperset(annotation):
            dropped += [name for name in annotation if name not in KNOWN_FIELDS and annotation[name] is not None]
        if dropped:
            self._notes.append((LossCode.ATTRIBUTES_DROPPED, f"the format has no place for {', '.join(dropped)}"))

    def _lose_tags(self, item: BlockItem) -> None:
        # The tag that names the item's split is carried: by where the item lies.
        if dropped := [tag for tag in item.tags if tag != item.split]:
            message = f"the format has no place for the tags {', '.join(dropped)}"
            self._lose(item, None, LossCode.ATTRIBUTES_DROPPED, message)

    def _flush_notes(self, item: BlockItem, own_id: Any, place: int) -> None:
        name = own_id if isinstance(own_id, int | str) else f"#{place}"
        self.report.skipped.add_all([Skip(item.id, name, code, message) for code, message in self._notes])
        self._notes.clear()

    def _lose_annotation(self, item: BlockItem, annotation: Annotation, place: int, note: tuple[LossCode, str]) -> None:
        self._notes.clear()
        self.report.annotations_skipped += 1
        self._lose(item, _name_of(annotation, place), *note)

    def _lose(self, item: BlockItem, annotation_id: int | str | None, code: LossCode, message: str) -> None:
        self.report.skipped.add(Skip(item.id, annotation_id, code, message))


def _refuse_class(category: Any) -> NoReturn:
    raise UnfitError(LossCode.UNKNOWN_CLASS, f"the class {category!r} is not in the project's schema")


def _name_of(annotation: Annotation, place: int) -> int | str:
    own = annotation.get("id") if isinstance(annotation, dict) else None
    return own if isinstance(own, int | str) else f"#{place}"


def plain_annotations(item: BlockItem) -> Sequence[Annotation]:
    """The annotations of an item, whatever they are.

    Raises:
        BundleError: Its data is not JSON.
    """
    try:
        return annotations_of({"data": msgspec.json.decode(item.data)})
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BundleError(f"The annotation data of item {item.id} is not JSON ({exc}). Export again.") from exc
