"""Where each export target's rows come from when this process fetches them.

A handler's `get_results` takes the v2 client (ids from a slim list, then bulk) or the v1 client (one list with
everything); `get_export_item` turns either answer into the same items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.exceptions import ClientError
from synapse_sdk.plugins.actions.export.delegation import ExportSettings
from synapse_sdk.plugins.actions.export.sources.bulk import (
    EXPORT_LIST_RETRY_ON_STATUS,
    BulkRows,
    collect_ids,
    resolve_data_payload,
)
from synapse_sdk.plugins.actions.export.sources.items import Item, result_to_item, row_to_item
from synapse_sdk.plugins.actions.export.sources.selection import plan_selection
from synapse_sdk.wire.bundle import ExportTarget

Results = Iterable[dict[str, Any]]
LIST_PAGE_ROWS = 200


class ExportTargetHandler(ABC):
    """Fetches and shapes the rows of one export target; subclass it for a source of your own.

    Attributes:
        settings: How patiently to fetch; set before `get_results` is called.
        report: Told the number of rows found so far, when someone wants to know.
    """

    settings: ExportSettings = ExportSettings()
    report: Callable[[int], None] | None = None

    @abstractmethod
    def get_results(self, client: Any, filters: dict[str, Any]) -> tuple[Any, int]:
        """Answer `(results, count)`; results should be a generator.

        Raises:
            ClientError: The server refused, or could not be reached.
        """

    @abstractmethod
    def validate_filter(self, filters: dict[str, Any], client: Any) -> dict[str, Any]:
        """Answer the filter, checked.

        Raises:
            ValueError: Something is missing or wrong.
        """

    @abstractmethod
    def get_export_item(self, results: Any) -> Iterator[dict[str, Any]]:
        """Turn results into the items that exporters get, one by one."""


class PlatformHandler(ExportTargetHandler):
    """What the three targets of the platform have in common.

    Attributes:
        target: Its name.
        required_filter: The filter without which everything of everyone would be selected.
        filter_aliases: Other names of that filter.
        throttle_seconds: Pause between bulk calls.
        key: The unique key in list answers.
    """

    target: ClassVar[ExportTarget]
    required_filter: ClassVar[str]
    filter_aliases: ClassVar[tuple[str, ...]] = ()
    throttle_seconds: ClassVar[float] = 0.2
    key: ClassVar[str] = "id"
    _bulk: BulkRows | None = None

    @property
    def missing_count(self) -> int:
        """Rows that were listed and gone when their data was asked for; final when all results are read."""
        return self._bulk.missing_count if self._bulk is not None else 0

    def validate_filter(self, filters: dict[str, Any], client: Any = None) -> dict[str, Any]:
        """Check that the required filter is there and, with a client, that it names something visible.

        Raises:
            PydanticCustomError: Type `missing_field` or `client_error`; a ValueError.
        """
        names = (self.required_filter, *self.filter_aliases)
        value = next((filters[name] for name in names if filters.get(name) not in {None, ""}), None)
        if value is None:
            raise PydanticCustomError(
                "missing_field",
                "filter needs {field} to export {target}",
                {"field": self.required_filter, "target": str(self.target)},
            )
        if client is not None:
            try:
                self._check_scope(client, value)
            except ClientError as exc:
                raise PydanticCustomError(
                    "client_error",
                    "{field} {value} cannot be exported: {reason}",
                    {"field": self.required_filter, "value": str(value), "reason": exc.reason},
                ) from exc
        return filters

    def get_results(self, client: Any, filters: dict[str, Any]) -> tuple[Results, int]:
        """Fetch by v2 or v1, whichever client this is.

        Raises:
            ClientError: A page or a bulk call failed, and its repetitions are used up.
        """
        if isinstance(client, BackendV2Client):
            return self._collect_then_bulk(client, filters)
        return self._list_all(client, filters)

    def get_export_item(self, results: Results) -> Iterator[Item]:
        """The common item of each result (`sources.items`)."""
        for result in results:
            yield row_to_item(result) if "files_manifest" in result else result_to_item(result)

    def count(self, client: Any, filters: Mapping[str, Any]) -> int:
        """How many rows match, asked of the v1 lists without fetching any.

        Raises:
            ClientError: The server refused, or could not be reached.
        """
        selection = plan_selection(filters)
        left_out = sum(self._count(client, request) for request in selection.excluded_requests())
        return sum(self._count(client, request) for request in selection.requests) - left_out

    def refetch_files(self, client: Any, item_id: int) -> Item | None:
        """The item anew, with fresh links, or None when it cannot be had."""
        if not isinstance(client, BackendV2Client):
            return None
        rows = self._fetch_rows(client, [item_id])
        return row_to_item(rows[0]) if rows else None

    def _collect_then_bulk(self, client: BackendV2Client, filters: Mapping[str, Any]) -> tuple[Results, int]:
        selection = plan_selection(filters)
        found = (int(row[self.key]) for request in selection.requests for row in self._list_slim(client, request))
        ids = collect_ids(found, selection.excluded, self.report)
        throttle = self.settings.throttle_seconds
        self._bulk = BulkRows(
            lambda chunk: self._fetch_rows(client, chunk),
            self.settings,
            self.throttle_seconds if throttle is None else throttle,
            http=client.anonymous,
        )
        return self._bulk.rows(ids), len(ids)

    def _resolve_data_payload(self, data: Any) -> Any:
        """The annotation data behind a wrapper, or the data as it is."""
        return resolve_data_payload(data, self.settings)

    def _list_all(self, client: Any, filters: Mapping[str, Any]) -> tuple[Results, int]:
        """The v1 way: lists that carry everything, ascending."""
        selection = plan_selection(filters)
        # The requests of a selection descend.
        requests = [{**request, "ordering": self.key} for request in reversed(selection.requests)]
        if selection.is_simple:
            rows, count = self._list_complete(client, requests[0])
            return drop_repeats(rows, self.key), count
        found = (row for request in requests for row in self._list_complete(client, request)[0])
        return drop_repeats((row for row in found if row[self.key] not in selection.excluded), self.key), self.count(
            client, filters
        )

    @property
    def _retry_options(self) -> dict[str, Any]:
        return {
            "page_retries": self.settings.page_retries,
            "page_retry_backoff": self.settings.page_retry_backoff,
            "retry_on_status": EXPORT_LIST_RETRY_ON_STATUS,
            "read_timeout_seconds": self.settings.read_timeout_seconds,
        }

    @abstractmethod
    def _check_scope(self, client: Any, value: Any) -> None: ...

    @abstractmethod
    def _list_slim(self, client: BackendV2Client, filters: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]: ...

    @abstractmethod
    def _fetch_rows(self, client: BackendV2Client, ids: Sequence[int]) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _list_complete(self, client: Any, filters: dict[str, Any]) -> tuple[Results, int]: ...

    @abstractmethod
    def _count(self, client: Any, filters: dict[str, Any]) -> int: ...


class TaskExportTargetHandler(PlatformHandler):
    """Tasks of a project with their data."""

    target = ExportTarget.TASK
    required_filter = "project"

    def _check_scope(self, client: Any, value: Any) -> None:
        client.get_project(value)

    def _list_slim(self, client: BackendV2Client, filters: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return client.tasks.list(sort="-id", per_page=LIST_PAGE_ROWS, **self._retry_options, **filters)

    def _fetch_rows(self, client: BackendV2Client, ids: Sequence[int]) -> list[dict[str, Any]]:
        return client.tasks.bulk_fetch(ids, response_mode="presigned", **self._retry_options)

    def _list_complete(self, client: Any, filters: dict[str, Any]) -> tuple[Results, int]:
        rows, count = client.get_tasks(filters)
        return rows, count

    def _count(self, client: Any, filters: dict[str, Any]) -> int:
        return int(client.count_tasks(filters))


class AssignmentExportTargetHandler(PlatformHandler):
    """Assignments of a project: what people annotated."""

    target = ExportTarget.ASSIGNMENT
    required_filter = "project"

    def _check_scope(self, client: Any, value: Any) -> None:
        client.get_project(value)

    def _list_slim(self, client: BackendV2Client, filters: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return client.assignments.list(sort="-id", per_page=LIST_PAGE_ROWS, **self._retry_options, **filters)

    def _fetch_rows(self, client: BackendV2Client, ids: Sequence[int]) -> list[dict[str, Any]]:
        return client.assignments.bulk_fetch(ids, response_mode="presigned", **self._retry_options)

    def _list_complete(self, client: Any, filters: dict[str, Any]) -> tuple[Results, int]:
        rows, count = client.get_assignments(filters)
        return rows, count

    def _count(self, client: Any, filters: dict[str, Any]) -> int:
        return int(client.count_assignments(filters))


class GroundTruthExportTargetHandler(PlatformHandler):
    """Ground truth as a version of its data set released it; the list's key is that of the event."""

    target = ExportTarget.GROUND_TRUTH
    required_filter = "ground_truth_dataset_version"
    filter_aliases = ("ground_truth_dataset_versions",)
    key = "pgh_id"

    def _check_scope(self, client: Any, value: Any) -> None:
        client.get_ground_truth_version(value)

    def _list_slim(self, client: BackendV2Client, filters: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        # This list descends along the event's key by itself.
        return client.ground_truth_events.list(per_page=LIST_PAGE_ROWS, **self._retry_options, **filters)

    def _fetch_rows(self, client: BackendV2Client, ids: Sequence[int]) -> list[dict[str, Any]]:
        return client.ground_truth_events.bulk_data(ids, response_mode="presigned", **self._retry_options)

    def _list_complete(self, client: Any, filters: dict[str, Any]) -> tuple[Results, int]:
        rows, count = client.get_ground_truth(filters)
        return rows, count

    def _count(self, client: Any, filters: dict[str, Any]) -> int:
        return int(client.count_ground_truth(filters))


class TargetHandlerFactory:
    """Finds the handler of a target; plugins register their own."""

    _handlers: ClassVar[dict[str, type[ExportTargetHandler]]] = {}

    @classmethod
    def register_handler(cls, target: str, handler: type[ExportTargetHandler]) -> None:
        """Use `handler` for `target`, in place of any other."""
        cls._handlers[str(target)] = handler

    @classmethod
    def get_handler(cls, target: str) -> ExportTargetHandler:
        """A new handler for a target.

        Raises:
            ValueError: No handler is registered for it.
        """
        handler = cls._handlers.get(str(target))
        if handler is None:
            known = ", ".join(sorted(cls._handlers))
            raise ValueError(f"There is no export target {str(target)!r}; there are: {known}")
        return handler()

    @classmethod
    def supported_targets(cls) -> list[str]:
        """Targets that have a handler."""
        return sorted(cls._handlers)


for _handler in (TaskExportTargetHandler, AssignmentExportTargetHandler, GroundTruthExportTargetHandler):
    TargetHandlerFactory.register_handler(_handler.target, _handler)


def is_platform(handler: ExportTargetHandler) -> bool:
    """Whether the server's own export selects and shapes rows as this handler does."""
    return type(handler) in {TaskExportTargetHandler, AssignmentExportTargetHandler, GroundTruthExportTargetHandler}


def drop_repeats(rows: Iterable[dict[str, Any]], key: str) -> Iterator[dict[str, Any]]:
    """Ascending rows without those that a page repeats because earlier ones were deleted meanwhile."""
    last: int | None = None
    for row in rows:
        if last is not None and row[key] <= last:
            continue
        last = row[key]
        yield row
