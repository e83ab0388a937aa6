"""The exporter that plugins build on: a template whose methods can be overridden one by one.

It works on streams: `convert_items` converts an item when it is asked for, `save_items` writes it and forgets it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from synapse_sdk.exceptions import ExportError, SynapseError
from synapse_sdk.plugins.actions.export.enums import ExportEvent, ExportProgressCategories, ExportStatus
from synapse_sdk.plugins.actions.export.models import ErrorList, MetricsRecord
from synapse_sdk.plugins.actions.export.output.files import as_path, create_unique_folder, remove_folder, write_whole
from synapse_sdk.plugins.actions.export.output.originals import ORIGINAL_ABSENT, ORIGINAL_FAILED, OriginalFiles
from synapse_sdk.plugins.actions.export.output.progress import Progress
from synapse_sdk.plugins.actions.export.output.record import ItemsDigest
from synapse_sdk.plugins.actions.export.output.run_adapter import ExporterRunAdapter
from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.utils.converters.names import NameAllocator, split_suffix

ERROR_LIST_NAME = "error_file_list.json"
NULL_DATA = "data is Null"
# What a conversion raises when an item is not what it expects.
_CONVERSION_ERRORS = (AttributeError, LookupError, TypeError, ValueError)
ErrorEntries = ErrorList | list[list[str]]

__all__ = ["BaseExporter", "ConvertedItem", "ExporterRunAdapter"]


class ConvertedItem(dict[str, Any]):
    """What a conversion made of an item, and the item: its file is still needed when the conversion left it out."""

    def __init__(self, converted: Mapping[str, Any], source: Mapping[str, Any]) -> None:
        super().__init__(converted)
        self.source = source


class BaseExporter:
    """Converts items and writes them below a folder of their own.

    Output: `json/<name>.json` with each item's data, `origin_files/<name>` with its original file, and
    `error_file_list.json` when something could not be saved. A name that is taken becomes `name(1)`.

    Args:
        ctx: The run's context.
        export_items: Items `{id, data, files, data_unit, tags}`; read once, one at a time.
        path_root: Folder in which the export makes its own; a path of any kind, local or in an object store.
        **params: `name`, `count`, `save_original_file`, `target`, `filter`, `configuration`, and the rest of the
            action's parameters, `extra_params` merged in.
    """

    def __init__(
        self, ctx: RuntimeContext, export_items: Iterable[dict[str, Any]], path_root: Any, **params: Any
    ) -> None:
        self.ctx = ctx
        self.export_items = export_items
        self.path_root = as_path(path_root)
        self.params = params
        self.run = ExporterRunAdapter(ctx.logger)
        self.originals = OriginalFiles(ctx)
        self.output_paths: dict[str, Any] = {}
        self.errors_json, self.errors_original = ErrorList(), ErrorList()
        self.original_metrics, self.data_metrics = MetricsRecord(), MetricsRecord()
        self.digest = ItemsDigest()
        self._names = NameAllocator()
        self._named: tuple[Any, str] | None = None

    def convert_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Transform an item; this one leaves it as it is."""
        return data

    def before_convert(self, data: dict[str, Any]) -> dict[str, Any]:
        """Prepare an item for `convert_data`."""
        return data

    def after_convert(self, data: dict[str, Any]) -> dict[str, Any]:
        """Finish what `convert_data` made."""
        return data

    def process_data_conversion(self, export_item: dict[str, Any]) -> dict[str, Any]:
        """before_convert → convert_data → after_convert."""
        return self.after_convert(self.convert_data(self.before_convert(export_item)))

    def get_original_file_name(self, files: Mapping[str, Any]) -> str:
        """The name under which an item's file came; it is made safe and unique before it is used."""
        return str(files["file_name_original"])

    def setup_output_directories(self, unique_export_path: Any, save_original_file_flag: bool) -> dict[str, Any]:  # noqa: FBT001 - the documented signature.
        """Make the folders of the output; `process_file_saving` uses the paths that this answers."""
        paths = {"json_output_path": unique_export_path / "json"}
        if save_original_file_flag:
            paths["origin_files_output_path"] = unique_export_path / "origin_files"
        for path in paths.values():
            path.mkdir(parents=True, exist_ok=True)
        return paths

    def save_original_file(self, result: Mapping[str, Any], base_path: Any, error_file_list: Any) -> ExportStatus:
        """Fetch an item's original file; one that cannot be had goes to the error list.

        Raises:
            OSError: The target cannot be written; that is no fault of the item.
        """
        file, name = _file_of(result), self.output_name(result)
        info = {key: value for key, value in file.items() if key != "url"} | {"file_name": name}
        item_id = _id_of(result)
        try:
            self.originals.save(item_id, file, base_path / name)
        except SynapseError as exc:
            error_file_list.append([name, ORIGINAL_FAILED])
            self.run.export_log_original_file(item_id, info, ExportStatus.FAILED, str(exc))
            return ExportStatus.FAILED
        self.run.export_log_original_file(item_id, info, ExportStatus.SUCCESS, "")
        return ExportStatus.SUCCESS

    def save_as_json(self, result: Mapping[str, Any], base_path: Any, error_file_list: Any) -> ExportStatus:
        """Write an item's `data` as JSON, or the whole of what the conversion made when that has no `data`.

        Raises:
            OSError: The target cannot be written; that is no fault of the item.
        """
        name, item_id = f"{split_suffix(self.output_name(result))[0]}.json", _id_of(result)
        data = result.get("data", result)
        if data is None:
            error_file_list.append([name, NULL_DATA])
            self.run.log_export_event(ExportEvent.NULL_DATA, item_id)
            self.run.export_log_data_file(item_id, {"file_name": name}, ExportStatus.FAILED, NULL_DATA)
            return ExportStatus.FAILED
        write_whole(base_path / name, [msgspec.json.format(msgspec.json.encode(data), indent=4)])
        self.run.export_log_data_file(item_id, {"file_name": name}, ExportStatus.SUCCESS, "")
        return ExportStatus.SUCCESS

    def process_file_saving(  # noqa: PLR0917 - the documented signature.
        self,
        final_data: dict[str, Any],
        unique_export_path: Any,
        save_original_file_flag: bool,  # noqa: FBT001 - the documented signature.
        errors_json_file_list: Any,
        errors_original_file_list: Any,
        original_file_metrics_record: MetricsRecord,
        data_file_metrics_record: MetricsRecord,
        no: int,  # noqa: ARG002 - the documented signature: the item's number, from 1.
    ) -> bool:
        """Save one item: its original file first; when that fails, its data is left out too.

        Returns:
            Whether the item's data was saved.
        """
        paths = self.output_paths or self.setup_output_directories(unique_export_path, save_original_file_flag)
        if save_original_file_flag:
            folder = paths.get("origin_files_output_path", unique_export_path / "origin_files")
            if not self._process_original_file_saving(
                final_data, folder, errors_original_file_list, original_file_metrics_record
            ):
                return False
        folder = paths.get("json_output_path", unique_export_path / "json")
        return self._process_json_file_saving(final_data, folder, errors_json_file_list, data_file_metrics_record)

    def additional_file_saving(self, unique_export_path: Any) -> None:
        """Write more files once all items are saved."""

    def checksums(self) -> dict[str, str]:
        """SHA-256 of files of the output, by path, that need not be worked out again for `export.json`."""
        return {}

    @property
    def built_in_code(self) -> str | None:
        """What names it where it is no plugin's: `synapse/coco@1.0.0`."""
        return None

    def record_facts(self) -> dict[str, Any]:
        """More facts for `export.json`."""
        return {}

    def export(
        self, export_items: Iterable[dict[str, Any]] | None = None, results: Any = None, **_more: Any
    ) -> dict[str, Any]:
        """Do everything in one call, for those who use an exporter without its action.

        Returns:
            `export_path`, the root, and `output_path`, the folder that was made.

        Raises:
            ExportError: An item could not be converted; what was written is removed.
            OSError: The target cannot be written; what was written is removed.
        """
        items = export_items if export_items is not None else results if results is not None else self.export_items
        folder = self._create_unique_export_path(str(self.params.get("name", "export")))
        try:
            self.prepare(folder, int(self.params.get("count", 0)))
            self.save_items(self.convert_items(items), folder)
            self.additional_file_saving(folder)
            self._save_error_list(folder, self.errors_json, self.errors_original)
        except BaseException:
            remove_folder(folder)
            raise
        return {"export_path": str(self.path_root), "output_path": str(folder)}

    def prepare(self, unique_export_path: Any, count: int) -> None:
        """Make the output's folders and start the counts."""
        self.output_paths = self.setup_output_directories(unique_export_path, self.saves_originals) or {}
        self.original_metrics.stand_by = count if self.saves_originals else 0
        self.data_metrics.stand_by = count

    @property
    def saves_originals(self) -> bool:
        """Whether original files go with the annotations."""
        return bool(self.params.get("save_original_file", True))

    def convert_items(self, items: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Convert items one by one, each when it is asked for.

        Raises:
            ExportError: An item could not be converted.
        """
        progress = Progress(self.data_metrics.stand_by, self._report_conversion)
        for item in items:
            self.digest.add(item)
            yield self._convert(item)
            progress.advance()
        progress.finish()

    def save_items(self, converted: Iterable[dict[str, Any]], unique_export_path: Any) -> None:
        """Save converted items one by one, and keep the counts.

        Raises:
            OSError: The target cannot be written.
        """
        progress = Progress(self.data_metrics.stand_by, self._report_saving)
        if not self.saves_originals:
            self._save_each(converted, unique_export_path, progress)
            return
        # Closed before anything else happens: no file may arrive in a folder that is being rolled back.
        with closing(self.originals.ahead(converted, _locate, unique_export_path)) as stream:
            self._save_each(stream, unique_export_path, progress)

    def _save_each(self, converted: Iterable[dict[str, Any]], unique_export_path: Any, progress: Progress) -> None:
        for no, final_data in enumerate(converted, 1):
            waiting = self.data_metrics.stand_by
            is_saved = self.process_file_saving(
                final_data,
                unique_export_path,
                self.saves_originals,
                self.errors_json,
                self.errors_original,
                self.original_metrics,
                self.data_metrics,
                no,
            )
            if self.data_metrics.stand_by == waiting:
                # The item ended before its data was tried: it counts all the same.
                _count(self.data_metrics, is_success=is_saved)
            progress.advance()
        progress.finish()

    def output_name(self, result: Mapping[str, Any]) -> str:
        """The safe and unique file name of an item; the same as long as the same item is asked about."""
        if self._named is None or self._named[0] is not result:
            file, item_id = _file_of(result), str(_id_of(result))
            came_as = self.get_original_file_name(file) if file.get("file_name_original") else item_id
            self._named = (result, self._names.allocate(came_as, fallback=item_id))
        return self._named[1]

    def _create_unique_export_path(self, base_name: str) -> Any:
        return create_unique_folder(self.path_root, base_name)

    def _save_error_list(
        self, unique_export_path: Any, json_errors: ErrorEntries, original_errors: ErrorEntries
    ) -> None:
        """Write `error_file_list.json`, unless nothing went wrong."""
        groups = (("json_file_name", json_errors), ("origin_file_name", original_errors))
        if len(json_errors) or len(original_errors):
            write_whole(unique_export_path / ERROR_LIST_NAME, _error_list_chunks(groups))

    def _process_original_file_saving(
        self, result: Mapping[str, Any], folder: Any, error_file_list: Any, record: MetricsRecord
    ) -> bool:
        if not _file_of(result):
            # Nothing to fetch is no reason to lose the annotations.
            error_file_list.append([self.output_name(result), ORIGINAL_ABSENT])
            record.count_failure()
            return True
        status = self.save_original_file(result, folder, error_file_list)
        _count(record, is_success=status is ExportStatus.SUCCESS)
        return status is ExportStatus.SUCCESS

    def _process_json_file_saving(
        self, result: Mapping[str, Any], folder: Any, error_file_list: Any, record: MetricsRecord
    ) -> bool:
        status = self.save_as_json(result, folder, error_file_list)
        _count(record, is_success=status is ExportStatus.SUCCESS)
        return status is ExportStatus.SUCCESS

    def _convert(self, item: dict[str, Any]) -> dict[str, Any]:
        # A conversion may change the item in place: what is needed of it later is taken first.
        source = {"id": item.get("id"), "files": item.get("files") or {}}
        is_null = item.get("data") is None
        try:
            converted = self.process_data_conversion(item)
        except _CONVERSION_ERRORS as exc:
            if is_null:
                # There was nothing to convert; saving reports it.
                return ConvertedItem(source | {"data": None}, source)
            raise ExportError(f"Item {source['id']} could not be converted: {_describe(exc)}") from exc
        if not isinstance(converted, Mapping):
            kind = type(converted).__name__
            raise ExportError(f"{type(self).__name__} converted item {source['id']} to {kind}; answer a dict")
        return ConvertedItem(converted, source)

    def _report_conversion(self, current: int, total: int) -> None:
        self.run.set_progress(current, total, step=ExportProgressCategories.DATASET_CONVERSION)

    def _report_saving(self, current: int, total: int) -> None:
        self.ctx.set_progress(current, total)
        self.run.log_metrics(self.original_metrics, ExportProgressCategories.ORIGINAL_FILE)
        self.run.log_metrics(self.data_metrics, ExportProgressCategories.DATA_FILE)


def _source_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return result.source if isinstance(result, ConvertedItem) else result


def _file_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    files = result.get("files") or _source_of(result).get("files")
    return files if isinstance(files, Mapping) else {}


def _id_of(result: Mapping[str, Any]) -> Any:
    return _source_of(result).get("id", result.get("id"))


def _locate(result: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
    return _id_of(result), _file_of(result)


def _describe(exc: Exception) -> str:
    """What was raised, and at which line: whoever writes a plugin is told where to look."""
    place = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{type(exc).__name__}: {exc} ({Path(place.filename).name}:{place.lineno})"


def _count(record: MetricsRecord, *, is_success: bool) -> None:
    if is_success:
        record.count_success()
    else:
        record.count_failure()


def _error_list_chunks(groups: Iterable[tuple[str, ErrorEntries]]) -> Iterator[bytes]:
    before = b"{"
    for name, errors in groups:
        yield before + b"\n" + msgspec.json.encode(name) + b": ["
        separator = b"\n"
        for error in errors:
            yield separator + msgspec.json.encode(error)
            separator = b",\n"
        yield b"\n]"
        before = b","
    yield b"\n}\n"
