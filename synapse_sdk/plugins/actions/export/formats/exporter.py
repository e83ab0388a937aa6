"""Writes items as a data set of one format, images beside the labels, and proves it before the export ends."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import ExportError, SynapseError
from synapse_sdk.plugins.actions.export.enums import ExportStatus
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.formats.intake import NO_SPLIT, NOT_CARRIED, Block
from synapse_sdk.plugins.actions.export.formats.params import BY_TAG, ImageMode, parse_writer_options
from synapse_sdk.plugins.actions.export.formats.spreading import convert_bundle
from synapse_sdk.plugins.actions.export.formats.target import open_sink, place_through_spare, validate_target
from synapse_sdk.plugins.actions.export.models import MetricsRecord
from synapse_sdk.plugins.actions.export.output.files import write_whole
from synapse_sdk.plugins.actions.export.output.originals import ORIGINAL_FAILED
from synapse_sdk.plugins.actions.export.output.progress import Progress
from synapse_sdk.plugins.actions.export.sources.bundle_items import BundleItems
from synapse_sdk.utils.converters import (
    DatasetWriter,
    Format,
    ValidationReport,
    WriterOptions,
    WriterReport,
    create_writer,
    split_by_ratio,
    split_by_tag,
)
from synapse_sdk.utils.converters.blocks.proof import Proof
from synapse_sdk.utils.converters.losses import loss_report_chunks
from synapse_sdk.utils.distribution import installed_version
from synapse_sdk.wire.annotations import ClassSchema

LOSS_REPORT_NAME = "loss_report.json"
VALIDATION_REPORT_NAME = "validation_report.json"
_SHOWN_PROBLEMS = 5


class FormatExporter(BaseExporter):
    """Exports into one of `Format`; its parameters are those of `FormatExportParams`.

    Output: what the format prescribes, `loss_report.json` (each item and annotation that could not be carried, with the
    reason) and `validation_report.json` (the format's rules, checked on what was written).
    """

    _writer: DatasetWriter | None = None
    _report: WriterReport | None = None
    _proof: Proof | None = None
    _validation: ValidationReport | None = None

    @property
    def format(self) -> Format:
        """The format that is written."""
        return Format(self.params["format"])

    def setup_output_directories(self, unique_export_path: Any, save_original_file_flag: bool) -> dict[str, Any]:  # noqa: ARG002, FBT001 - the documented signature.
        """Open the format's writer, in the export's folder: of this machine, or in an object store."""
        if self._writer is None:
            sink = open_sink(unique_export_path, self.format, self.params)
            classes, options = self.class_schema(), self.writer_options()
            self._writer = create_writer(self.format, sink, classes=classes, options=options)
        return {"dataset_path": unique_export_path}

    def process_file_saving(  # noqa: PLR0917 - the documented signature.
        self,
        final_data: dict[str, Any],
        unique_export_path: Any,  # noqa: ARG002 - the writer knows its folder.
        save_original_file_flag: bool,  # noqa: FBT001 - the documented signature.
        errors_json_file_list: Any,
        errors_original_file_list: Any,
        original_file_metrics_record: MetricsRecord,
        data_file_metrics_record: MetricsRecord,
        no: int,  # noqa: ARG002 - the documented signature.
    ) -> bool:
        """Write one item: its image, then its labels; an item without its image is left out and reported."""
        item_id, name = final_data["id"], self.output_name(final_data)
        split = self._split(final_data)
        saves_original = save_original_file_flag
        original = original_file_metrics_record if saves_original else None
        if split is None and self.params.get("split"):
            self.dataset.skip(item_id, NO_SPLIT)
            self.leave_out(item_id, name, NO_SPLIT, errors_json_file_list)
            _count_skipped(original, data_file_metrics_record)
            return False
        path = self.dataset.image_path(name, split)
        file = final_data.get("files") or {}
        if saves_original and not self.place_image(item_id, file, path, errors_original_file_list):
            self.dataset.skip(item_id, ORIGINAL_FAILED)
            _count_skipped(original, data_file_metrics_record)
            return False
        if not self.dataset.write(final_data, name, split):
            if saves_original:
                self.remove_image(path)
            self.leave_out(item_id, name, NOT_CARRIED, errors_json_file_list)
            _count_skipped(original, data_file_metrics_record)
            return False
        if original is not None:
            original.count_success()
        data_file_metrics_record.count_success()
        return True

    def convert_items(self, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Convert items one by one; a bundle is left whole for `save_items`, which converts it in blocks."""
        # A plugin's exporter may override any step of an item: then each item takes all of them.
        if type(self) is FormatExporter and isinstance(items, BundleItems):
            return items
        return super().convert_items(items)

    def save_items(self, converted: Iterable[dict[str, Any]], unique_export_path: Any) -> None:
        """Save the items, and keep the counts.

        Raises:
            ExportError: A worker process ended early, or could not convert a block.
            OSError: The target cannot be written.
        """
        if not isinstance(converted, BundleItems):
            super().save_items(converted, unique_export_path)
            return
        progress = [
            Progress(self.data_metrics.stand_by, report) for report in (self._report_conversion, self._report_saving)
        ]

        def advance(block: Block) -> None:
            self.data_metrics.count(block.saved, len(block.items) - block.saved)
            if self.saves_originals:
                self.original_metrics.count(block.saved, len(block.items) - block.saved)
            for each in progress:
                each.advance(len(block.items))

        self._proof = convert_bundle(self, converted, advance)
        for each in progress:
            each.finish()

    def additional_file_saving(self, unique_export_path: Any) -> None:
        """Complete the data set, write both reports, and fail when the data set breaks its format's rules.

        Raises:
            ExportError: The data set is not valid, all items are missing from it, or anything is in strict mode.
            OSError: A file cannot be written.
        """
        writer = self.dataset
        self._report = writer.close()
        writer.sink.close()
        # A delta without items still tells what was deleted.
        if not self.params.get("since"):
            self._refuse_emptied(self._report)
        folder = unique_export_path
        losses = loss_report_chunks(self._report.skipped, summary=self._report.to_dict())
        write_whole(folder / LOSS_REPORT_NAME, losses)
        proven = self._proof.to_report() if self._proof is not None else None
        self._validation = proven or validate_target(folder, self.format, self._report)
        facts = self._validation.to_dict()
        write_whole(folder / VALIDATION_REPORT_NAME, [msgspec.json.format(msgspec.json.encode(facts), indent=2), b"\n"])
        self.run.log_dev_event("data set validated", {"report": self._report.to_dict(), "ok": self._validation.ok})
        self._refuse_invalid(self._validation)
        if self.params.get("strict"):
            self._refuse_losses(self._report)

    def checksums(self) -> dict[str, str]:
        """SHA-256 of files that were read back when they were completed."""
        return {path: file.sha256 for path, file in self.dataset.sink.files.items()} if self._writer else {}

    @property
    def built_in_code(self) -> str | None:
        """This class itself comes with the SDK; what a plugin derives from it does not."""
        return f"synapse/{self.format}@{installed_version()}" if type(self) is FormatExporter else None

    def record_facts(self) -> dict[str, Any]:
        """The format, what was chosen, and what the reports say."""
        return {
            "format": self.format.value,
            "options": self.params.get("options") or {},
            "images": str(self.params.get("images", ImageMode.COPY)),
            "split": self.params.get("split"),
            "split_seed": self.params.get("split_seed", 0),
            "shard_items": self.params.get("shard_items"),
            "class_schema": self.class_schema().model_dump(mode="json"),
            "report": self._report.to_dict() if self._report else None,
            "is_valid": self._validation.ok if self._validation else None,
        }

    @property
    def dataset(self) -> DatasetWriter:
        """The format's writer.

        Raises:
            ExportError: It is not open yet.
        """
        if self._writer is None:
            raise ExportError("The exporter has no open data set: call prepare() before the first item is saved.")
        return self._writer

    def writer_options(self) -> WriterOptions:
        """The options of the format's writer."""
        return parse_writer_options(self.format, self.params.get("options") or {})

    def class_schema(self) -> ClassSchema:
        """The project's classes.

        Raises:
            ExportError: The project has none.
        """
        configuration: Mapping[str, Any] = self.params.get("configuration") or {}
        if "class_schema" not in configuration:
            raise ExportError(
                f"The project has no class schema, without which {self.format} cannot number its classes. "
                "Add the classes to the project's configuration."
            )
        return ClassSchema.model_validate(configuration["class_schema"])

    def split_of(self, item_id: Any, unit_id: Any, tags: Iterable[str]) -> str | None:
        """The split of an item; None when none is asked for, or its tags name none."""
        split = self.params.get("split")
        if not split:
            return None
        if split == BY_TAG:
            return split_by_tag(tags)
        # By the data unit: two assignments of one image must not part.
        key = item_id if unit_id is None else unit_id
        return split_by_ratio(key, split, seed=int(self.params.get("split_seed") or 0))

    def place_image(self, item_id: Any, file: Mapping[str, Any], path: str, errors: Any = None) -> bool:
        """Bring an item's image to its place; one that cannot be had goes to the error list.

        Raises:
            OSError: The target cannot be written; that is no fault of the item.
        """
        folder, _, name = path.rpartition("/")
        info = {key: value for key, value in file.items() if key != "url"} | {"file_name": name}
        sink = self.dataset.sink
        try:
            if sink.folder is None:
                place_through_spare(sink, path, lambda spare: self.originals.save(item_id, file, spare))
            else:
                sink.make_folder(folder)
                target = sink.folder / path
                if not self._link(file, target):
                    self.originals.save(item_id, file, target)
        except SynapseError as exc:
            (self.errors_original if errors is None else errors).append([name, ORIGINAL_FAILED])
            self.run.export_log_original_file(item_id, info, ExportStatus.FAILED, str(exc))
            return False
        self.run.export_log_original_file(item_id, info, ExportStatus.SUCCESS, "")
        return True

    def remove_image(self, path: str) -> None:
        """Take the image of an item back that the format cannot carry."""
        self.dataset.sink.take_back(path)

    def leave_out(self, item_id: Any, name: str, message: str, errors: Any = None) -> None:
        """Put an item that is not in the data set on the error list."""
        (self.errors_json if errors is None else errors).append([name, message])
        self.run.export_log_data_file(item_id, {"file_name": name}, ExportStatus.FAILED, message)

    def _split(self, item: Mapping[str, Any]) -> str | None:
        return self.split_of(item["id"], (item.get("data_unit") or {}).get("id"), item.get("tags") or ())

    def _link(self, file: Mapping[str, Any], target: Path) -> bool:
        url = str(file.get("url") or "")
        if self.params.get("images") != ImageMode.LINK or not url or "://" in url:
            return False
        try:
            os.link(url, target)
        except OSError:
            return False  # Another disk, or one that knows no links: copied instead.
        return True

    def _refuse_invalid(self, validation: ValidationReport) -> None:
        if not validation.ok:
            problems = "; ".join(str(finding) for finding in validation.errors[:_SHOWN_PROBLEMS])
            counted = sum(validation.error_counts.values())
            raise ExportError(f"The {self.format} data set breaks its format's rules ({counted} findings): {problems}")

    def _refuse_emptied(self, report: WriterReport) -> None:
        if report.items_skipped and not self.data_metrics.success:
            raise ExportError(
                f"None of the {report.items_skipped:,} items could be exported, so there is no data set: "
                f"{_name_lost(report)}"
            )

    def _refuse_losses(self, report: WriterReport) -> None:
        if shown := _name_lost(report):
            counted = report.items_skipped + report.annotations_skipped
            raise ExportError(
                f"{counted} items and annotations cannot be carried by {self.format}, and strict is on: {shown}"
            )


def _name_lost(report: WriterReport) -> str:
    lost = (skip for skip in report.skipped if not skip.reason_code.is_reduction)
    return "; ".join(f"item {skip.item_id}: {skip.message}" for skip in islice(lost, _SHOWN_PROBLEMS))


def _count_skipped(original: MetricsRecord | None, data: MetricsRecord) -> None:
    if original is not None:
        original.count_failure()
    data.count_failure()
