"""State that the steps of one export share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_sdk.plugins.actions.export.delegation import DelegationDecision, ExportSettings
from synapse_sdk.plugins.steps import BaseStepContext

if TYPE_CHECKING:
    from synapse_sdk.clients.backend_v2 import BackendV2Client
    from synapse_sdk.loggers import BaseLogger
    from synapse_sdk.plugins.actions.export.delta.kept_items import KeptItems
    from synapse_sdk.plugins.actions.export.exporter import BaseExporter
    from synapse_sdk.plugins.actions.export.handlers import ExportTargetHandler


@dataclass
class ExportContext(BaseStepContext):
    """What an export knows, from its parameters to its counts.

    Attributes:
        params: The action's parameters.
        results: What was fetched; an iterable.
        total_count: Items to export.
        exported_count: Items whose data was saved.
        failed_count: Items whose data was not.
        output_path: Where the output is.
        config: The action's section of config.yaml.
        settings: How patiently data is fetched.
        delegation_decision: Who gathers the data; decided once, before the first step.
        handler: Fetches and shapes rows when this process gathers them.
        fetch: How rows are fetched in this process; the action's `get_filtered_results`.
        exporter_class: What converts and saves; the action's `entrypoint`.
        project_id: The project, where one is known.
        configuration: The project's configuration.
        storage: The storage that the export goes to.
        path_root: The folder that the export's own folder is made in.
        made_folders: Those of `path_root` that were missing, the innermost first.
        unique_export_path: That folder.
        output_paths: Folders inside it, as the exporter set them up.
        export_params: What the exporter is given.
        exporter: The exporter.
        export_items: Items on their way to conversion; a generator.
        converted_items: Items on their way to files; a generator.
        errors_json: Data files that could not be saved.
        errors_original: Original files that could not be saved.
        job_id: The server's export job.
        snapshot: Mark of the moment that the server's rows show.
        since: The mark from which a delta tells what changed.
        deleted_count: Ids that a delta takes away; None in an export of everything.
        kept_items: Takes the items' lines, when the export keeps them.
        plugin: Which plugin this is, for the record.
        platform_version: Version of the server's platform, where it tells.
        report: What the format's writer says of the data set: counts, splits, losses by code.
        is_noted: Whoever keeps a note of the job takes the folder's mark away together with it.
        is_resumable: Somebody keeps the job's id to resume with: a failure here leaves the job to the server.
    """

    params: dict[str, Any] = field(default_factory=dict)
    results: Any | None = None
    total_count: int = 0
    exported_count: int = 0
    output_path: str | None = None
    failed_count: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    settings: ExportSettings = field(default_factory=ExportSettings)
    delegation_decision: DelegationDecision | None = None
    handler: ExportTargetHandler | None = None
    fetch: Callable[[dict[str, Any]], tuple[Any, int]] | None = None
    exporter_class: type[BaseExporter] | None = None
    project_id: int | None = None
    configuration: dict[str, Any] = field(default_factory=dict)
    storage: Any | None = None
    path_root: Any | None = None
    made_folders: list[Path] = field(default_factory=list)
    unique_export_path: Any | None = None
    output_paths: dict[str, Any] = field(default_factory=dict)
    export_params: dict[str, Any] = field(default_factory=dict)
    exporter: BaseExporter | None = None
    export_items: Iterable[dict[str, Any]] | None = None
    converted_items: Iterable[dict[str, Any]] | None = None
    errors_json: Iterable[list[str]] = ()
    errors_original: Iterable[list[str]] = ()
    job_id: str | None = None
    is_noted: bool = False
    is_resumable: bool = False
    snapshot: str | None = None
    since: str | None = None
    deleted_count: int | None = None
    kept_items: KeptItems | None = None
    plugin: dict[str, Any] = field(default_factory=dict)
    platform_version: str | None = None
    report: dict[str, Any] | None = None

    @property
    def v2_client(self) -> BackendV2Client:
        """v2 client from runtime context.

        Raises:
            RuntimeError: There is none.
        """
        if self.runtime_ctx.v2_client is None:
            raise RuntimeError("No v2 client in runtime context: log in, or pass one to the RuntimeContext")
        return self.runtime_ctx.v2_client

    @property
    def logger(self) -> BaseLogger:
        return self.runtime_ctx.logger
