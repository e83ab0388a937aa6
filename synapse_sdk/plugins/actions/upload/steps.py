"""The eight steps of an upload. Plugins may put steps of their own between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ConfigurationError, FormatError
from synapse_sdk.plugins.actions.upload.context import UploadContext
from synapse_sdk.plugins.steps import NamedStep, StepRegistry, StepResult
from synapse_sdk.utils.converters.reading import read_image_size


class UploadStep(NamedStep[UploadContext]):
    """A step of an upload."""


class InitializeStep(UploadStep):
    """Finds the folder."""

    step_name = "initialize"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        root = Path(str(context.params["path"])).expanduser()
        if not root.is_dir():
            raise ConfigurationError(
                f"{root.name} is no folder of this machine; give the folder that is to be uploaded"
            )
        context.root = root
        return StepResult()


class ValidateFilesStep(UploadStep):
    """Lists the files; an empty one is refused before anything is sent."""

    step_name = "validate_files"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        assert context.root is not None
        found = context.root.rglob("*") if context.params.get("recursive", True) else context.root.glob("*/*")
        direct = [] if context.params.get("recursive", True) else [*context.root.glob("*")]
        hidden = [path for path in [*found, *direct] if path.is_file()]
        files = sorted(path for path in hidden if not _is_hidden(path.relative_to(context.root)))
        if not files:
            raise ConfigurationError(f"{context.root.name} has no files to upload")
        if empty := [path.name for path in files if not path.stat().st_size]:
            raise ConfigurationError(f"{len(empty)} files are empty (first: {empty[0]}); remove or replace them")
        context.files = files
        return StepResult(data={"files": len(files)})


class AnalyzeCollectionStep(UploadStep):
    """Asks which file specifications there are."""

    step_name = "analyze_collection"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        context.collection = context.client.get_data_collection(context.params["data_collection"])
        if not context.collection.get("file_specifications"):
            raise ConfigurationError("The data collection has no file specifications; add one, then upload")
        return StepResult()


class OrganizeFilesStep(UploadStep):
    """Puts the files of one data unit together: equal names in the folders of the specifications."""

    step_name = "organize_files"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        assert context.root is not None
        names = [row["name"] for row in context.collection["file_specifications"]]
        for path in context.files:
            relative = path.relative_to(context.root)
            specification = relative.parts[0] if relative.parts[0] in names else names[0]
            inner = relative.relative_to(specification) if relative.parts[0] in names else relative
            files = context.organized.setdefault(inner.with_suffix("").as_posix(), {})
            if specification in files:
                raise ConfigurationError(
                    f"{inner.name} has the name of {files[specification].name}: rename one of them"
                )
            files[specification] = path
        return StepResult(data={"units": len(context.organized)})


class GenerateDataUnitsStep(UploadStep):
    """Says what each data unit is made of; one that lacks a required file is refused."""

    step_name = "generate_data_units"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        specifications = context.collection["file_specifications"]
        required = [row["name"] for row in specifications if row.get("is_required", True)]
        primary = next((row["name"] for row in specifications if row.get("is_primary")), specifications[0]["name"])
        for stem, files in context.organized.items():
            if missing := [name for name in required if name not in files]:
                raise ConfigurationError(
                    f"{stem} has no file for {', '.join(missing)}; add it, or leave the others out"
                )
            size = _size_of(files[primary]) if primary in files else {}
            context.units.append({"files": {name: str(path) for name, path in files.items()}, "meta": {}, **size})
        return StepResult()


class ProcessMetadataStep(UploadStep):
    """Adds what is kept with every data unit."""

    step_name = "process_metadata"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        common = dict(context.params.get("metadata") or {})
        for unit in context.units:
            unit["meta"] = {**common, **unit["meta"]}
        return StepResult()


class UploadFilesStep(UploadStep):
    """Sends the files that the server does not have, and makes the data units, batch by batch."""

    step_name = "upload_files"
    weight = 0.65

    def execute(self, context: UploadContext) -> StepResult:
        def report(done: int, total: int | None) -> None:
            context.data_units = done
            context.set_progress(done, max(total or done, 1))

        context.data_units = context.client.upload_data_collection(
            context.params["data_collection"],
            context.units,
            project_id=context.params.get("project"),
            batch_size=context.params.get("batch_size", 200),
            max_workers=context.params.get("max_workers", 8),
            on_progress=report,
        )
        context.uploaded_files = sum(len(unit["files"]) for unit in context.units)
        return StepResult(data={"data_units": context.data_units})


class CleanupStep(UploadStep):
    """Forgets what only the upload needed."""

    step_name = "cleanup"
    weight = 0.05

    def execute(self, context: UploadContext) -> StepResult:
        context.units, context.organized, context.files = [], {}, []
        return StepResult()


def register_upload_steps(registry: StepRegistry[Any]) -> None:
    """Register the eight steps, in their order."""
    for step in (
        InitializeStep(),
        ValidateFilesStep(),
        AnalyzeCollectionStep(),
        OrganizeFilesStep(),
        GenerateDataUnitsStep(),
        ProcessMetadataStep(),
        UploadFilesStep(),
        CleanupStep(),
    ):
        registry.register(step)


def _size_of(path: Path) -> dict[str, int]:
    """What relative coordinates are multiplied with, later; a file that is no image has none."""
    try:
        width, height = read_image_size(path)
    except FormatError:
        return {}
    return {"width": width, "height": height}


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
