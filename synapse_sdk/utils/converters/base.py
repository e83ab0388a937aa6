"""The frame of every writer: one item in, one item out or one entry in the loss report.

Writers hold no data set: what they keep grows with the number of classes and splits, not of items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Self

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.losses import LossCode, Skip
from synapse_sdk.utils.converters.records import UnfitError, WriterReport, annotations_of
from synapse_sdk.utils.converters.shapes.fitting import Annotation, Notes
from synapse_sdk.utils.converters.sinks import LocalSink, Sink
from synapse_sdk.wire import annotations as wire

KNOWN_FIELDS = frozenset(wire.Annotation.model_fields)


@dataclass(slots=True)
class Frame:
    """The item that is being written; `width` and `height` are 0 when unknown to a format that does not need them."""

    item_id: int | str
    unit: Mapping[str, Any]
    width: int
    height: int
    image_name: str
    split: str | None
    tags: Sequence[str]
    size: tuple[int, int]


class DatasetWriter(ABC):
    """Writes one data set into a sink, item by item.

    Use as a context manager or call `close`; leaving by an exception calls `abort`, which removes unfinished files.

    Args:
        sink: Where the data set goes, or the folder of this machine that is its root.
        classes: The project's classes, whose ids and order the output keeps.
    """

    format: ClassVar[Format]
    needs_size: ClassVar[bool] = True
    carried_attributes: ClassVar[frozenset[str] | None] = None
    carries_score: ClassVar[bool] = True
    carries_tags: ClassVar[bool] = True

    def __init__(self, sink: Sink | Path, classes: ClassMap) -> None:
        self.sink: Sink = LocalSink(sink) if isinstance(sink, Path) else sink
        self.classes = classes
        self.report = WriterReport(self.format)
        self._per_class = dict.fromkeys(classes.names, 0)
        self._notes: Notes = []
        self._closed = False

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
    def _convert(self, annotation: Annotation, frame: Frame) -> Any:
        """One annotation as the format's record; raises `UnfitError` when it cannot carry it."""

    @abstractmethod
    def _save(self, frame: Frame, rows: list[Any]) -> None: ...

    @abstractmethod
    def _finish(self) -> None:
        """Complete the files. Called once, after the last item."""

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
        report = self.report
        report.items_in += 1
        unit = item.get("data_unit") or {}
        width, height = unit.get("width") or 0, unit.get("height") or 0
        tags = item.get("tags") or ()
        frame = Frame(item["id"], unit, width, height, image_name, split, tags, (width, height))
        if self.needs_size and (width <= 0 or height <= 0):
            report.annotations_in += (lost := len(annotations_of(item)))
            report.annotations_skipped += lost
            report.items_skipped += 1
            self._lose(frame, None, LossCode.SIZE_UNKNOWN, f"the size of the image is unknown ({lost} annotations)")
            return False
        if item.get("data") is None:
            self._lose(frame, None, LossCode.NO_DATA, "the item has no annotation data; its image is kept as empty")
        if tags and not self.carries_tags:
            self._lose_tags(frame)
        rows = self._rows(item, frame)
        self._save(frame, rows)
        report.annotations += len(rows)
        report.images += 1
        report.splits[split or ""] += 1
        return True

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

    def _rows(self, item: Mapping[str, Any], frame: Frame) -> list[Any]:
        rows: list[Any] = []
        per_class, convert, notes = self._per_class, self._convert, self._notes
        annotations = annotations_of(item)
        self.report.annotations_in += len(annotations)
        for place, annotation in enumerate(annotations, 1):
            try:
                category = annotation.get("category")
                if category not in per_class:
                    _refuse_class(category)
                rows.append(convert(annotation, frame))
                per_class[category] += 1
            except UnfitError as exc:
                self._lose_annotation(frame, annotation, place, (exc.code, str(exc)))
            except (TypeError, ValueError, KeyError, IndexError, AttributeError) as exc:
                note = (LossCode.INVALID_GEOMETRY, f"its geometry cannot be read ({exc})")
                self._lose_annotation(frame, annotation, place, note)
            if notes:
                self._flush_notes(frame, annotation, place)
        return rows

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

    def _lose_tags(self, frame: Frame) -> None:
        # The tag that names the item's split is carried: by where the item lies.
        if dropped := [tag for tag in frame.tags if tag != frame.split]:
            message = f"the format has no place for the tags {', '.join(dropped)}"
            self._lose(frame, None, LossCode.ATTRIBUTES_DROPPED, message)

    def _flush_notes(self, frame: Frame, annotation: Annotation, place: int) -> None:
        for code, message in self._notes:
            self._lose(frame, _name_of(annotation, place), code, message)
        self._notes.clear()

    def _lose_annotation(self, frame: Frame, annotation: Annotation, place: int, note: tuple[LossCode, str]) -> None:
        self._notes.clear()
        self.report.annotations_skipped += 1
        self._lose(frame, _name_of(annotation, place), *note)

    def _lose(self, frame: Frame, annotation_id: int | str | None, code: LossCode, message: str) -> None:
        self.report.skipped.add(Skip(frame.item_id, annotation_id, code, message))


def _refuse_class(category: Any) -> NoReturn:
    raise UnfitError(LossCode.UNKNOWN_CLASS, f"the class {category!r} is not in the project's schema")


def _name_of(annotation: Annotation, place: int) -> int | str:
    own = annotation.get("id") if isinstance(annotation, dict) else None
    return own if isinstance(own, int | str) else f"#{place}"
