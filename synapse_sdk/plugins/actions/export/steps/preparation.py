"""What both ways of gathering data need before the first item is converted; each function may be called again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_sdk.clients.base import BaseClient, Call
from synapse_sdk.exceptions import ClientError, ConfigurationError
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.output.files import (
    as_path,
    create_unique_folder,
    is_local,
    prove_writable,
    remove_folder,
)
from synapse_sdk.plugins.actions.export.output.originals import OriginalFiles, RefreshFile
from synapse_sdk.plugins.actions.export.output.out_folder import make_out_folder, remove_out_folder
from synapse_sdk.plugins.actions.export.output.partial import create_marked_folder, remove_partials, unmark
from synapse_sdk.utils.storage import get_pathlib

# Parameters that steer the export and are no business of the exporter.
_INTERNAL = frozenset({"async_job_size_threshold", "disable_async_delegate", "resume_job", "keep_items"})


def open_target(context: ExportContext) -> None:
    """Open the target, and make sure that it can be written.

    Raises:
        ClientError: The storage cannot be read from the server.
        StorageError: The storage cannot be opened.
        OSError: Nothing can be written there.
    """
    if context.path_root is None:
        root = _open_root(context)
        prove_writable(root)
        context.path_root = root


def prepare_output(context: ExportContext) -> None:
    """Open the target and make the export's own folder.

    Raises:
        ClientError: The storage cannot be read from the server.
        StorageError: The storage cannot be opened.
        OSError: The folder cannot be made.
    """
    if context.unique_export_path is not None:
        return
    open_target(context)
    context.made_folders = make_out_folder(context.path_root)
    if context.params.get("resume_job"):
        remove_partials(context.path_root, context.params["resume_job"])
    root, name = context.path_root, str(context.params["name"])
    is_found_again = context.is_resumable and context.job_id is not None
    # In a store the mark also keeps others from this name.
    is_marked = is_found_again or not is_local(root)
    context.unique_export_path = (
        create_marked_folder(root, name, context.job_id or "") if is_marked else create_unique_folder(root, name)
    )


def discard_output(context: ExportContext) -> None:
    """Remove what this export made, and nothing else; what cannot be removed is told, with the reason."""
    folder, context.unique_export_path, context.output_path = context.unique_export_path, None, None
    if context.kept_items is not None:
        context.kept_items.discard()
    if folder is not None:
        _remove_output(context, folder)
    remove_out_folder(context.made_folders)


def _remove_output(context: ExportContext, folder: Any) -> None:
    try:
        remove_folder(folder)
        unmark(folder)
    except OSError as exc:
        # The mark stays, so whoever goes on with the export removes it first.
        facts = {"folder": folder.name, "reason": exc.strerror or str(exc)}
        context.errors.append(f"{folder.name} cannot be removed: {facts['reason']}")
        context.log_message(ExportLogMessageCode.EXPORT_LEFT_BEHIND, **facts)


def prepare_exporter(context: ExportContext, items: Any, refresh: RefreshFile | None) -> BaseExporter:
    """Make the exporter and its folders.

    Raises:
        ClientError: The project's configuration cannot be read.
        OSError: A folder cannot be made.
    """
    prepare_output(context)
    if context.exporter is None:
        context.configuration = context.configuration or read_configuration(context)
        context.platform_version = context.platform_version or read_platform_version(context)
        context.export_params = build_export_params(context)
        exporter_class = context.exporter_class or BaseExporter
        context.exporter = exporter_class(context.runtime_ctx, items, context.path_root, **context.export_params)
        context.exporter.originals = OriginalFiles(context.runtime_ctx, context.settings, refresh)
        context.exporter.prepare(context.unique_export_path, context.total_count)
        context.output_paths = context.exporter.output_paths
    context.export_items = items
    return context.exporter


def build_export_params(context: ExportContext) -> dict[str, Any]:
    """What an exporter is given: the parameters, `extra_params` merged in, and what was found out."""
    params = {name: value for name, value in context.params.items() if name not in _INTERNAL}
    return {
        **params,
        **(context.params.get("extra_params") or {}),
        "count": context.total_count,
        "results": context.results,
        "project_id": context.project_id,
        "configuration": context.configuration,
        "parallelism": context.settings.parallelism,
    }


def read_configuration(context: ExportContext) -> dict[str, Any]:
    """The project's configuration; empty where no project is known.

    Raises:
        ClientError: The project cannot be read.
    """
    if context.project_id is None:
        context.project_id = find_project(context)
    if context.project_id is None:
        return {}
    v1, v2 = context.runtime_ctx.client, context.runtime_ctx.v2_client
    project: Mapping[str, Any] = {}
    if v1 is not None:
        project = v1.get_project(context.project_id)
    elif v2 is not None:
        project = v2.projects.retrieve(context.project_id)
    return dict(project.get("configuration") or {})


def read_platform_version(context: ExportContext) -> str | None:
    """Which version of the platform the data comes from; None where no server says so."""
    client = context.runtime_ctx.v2_client or context.runtime_ctx.client
    if not isinstance(client, BaseClient):
        return None
    try:
        return str(client.send_json(Call("GET", "health/"))["version"])
    except (ClientError, LookupError, TypeError):
        return None  # An older server. What an export is made of does not depend on it.


def find_project(context: ExportContext) -> int | None:
    """The project that a ground-truth version belongs to.

    Raises:
        ClientError: The version or its data set cannot be read.
    """
    filters: Mapping[str, Any] = context.params.get("filter") or {}
    version = filters.get("ground_truth_dataset_version") or filters.get("ground_truth_dataset_versions")
    client = context.runtime_ctx.v2_client
    if version is None or client is None:
        return None
    try:
        version_id = int(version)
    except (TypeError, ValueError):
        return None  # Several versions, perhaps of several projects.
    dataset_id = client.ground_truth_dataset_versions.retrieve(version_id)["dataset_id"]
    return int(client.ground_truth_datasets.retrieve(dataset_id)["project_id"])


def _open_root(context: ExportContext) -> Any:
    out = context.params.get("out")
    if out is not None:
        return as_path(out)
    if context.params.get("storage") is None:
        raise ConfigurationError("An export needs a target: a storage, or a folder of this machine (out).")
    if context.storage is None:
        context.storage = context.client.get_storage(context.params["storage"])
    return get_pathlib(context.storage, str(context.params.get("path") or ""))
