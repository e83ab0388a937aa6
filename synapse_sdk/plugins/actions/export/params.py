"""Parameters of an export, checked before anything starts: the storage exists, and the filter fits its target."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from synapse_sdk.exceptions import ClientError
from synapse_sdk.plugins.actions.export.handlers import TargetHandlerFactory

TargetName = Literal["assignment", "ground_truth", "task"]


class ExportParams(BaseModel):
    """What to export, and where to.

    With a client in the validation context (`{"client": …}`, or an action that has one) the storage and the filter are
    checked against the server; errors have the types `missing_field` and `client_error`.

    Attributes:
        name: Name of the folder that is made; a second export of one name gets `name(1)`.
        description: For people.
        storage: Id of the storage that the export goes to.
        save_original_file: Whether the original files go with the annotations.
        path: Folder inside the storage.
        target: What is exported.
        filter: Which rows; needs `project` (task, assignment) or `ground_truth_dataset_version`. Also `ids`, `ids_ex`,
            `search` and every other filter of the target's list.
        extra_params: Handed to the exporter, and a place for settings (`export_…`).
        async_job_size_threshold: Deprecated, without effect.
        disable_async_delegate: True keeps the server from gathering the data; False changes nothing.
        read_timeout_seconds: Longest silence of the server within one answer.
        page_retries: Repetitions of one page, bulk call or download.
        page_retry_backoff: Seconds before the first repetition, doubling.
        throttle_seconds: Pause between bulk calls.
        bulk_chunk_size: Rows per bulk call.
        download_parallelism: Payloads that are downloaded at once.
        parallelism: Processes that convert a built-in format; None is one per core for a large export, else one.
    """

    name: str
    description: str | None = None
    storage: int
    save_original_file: bool = True
    path: str
    target: TargetName
    filter: dict[str, Any]
    extra_params: dict[str, Any] | None = None
    async_job_size_threshold: int | None = None
    disable_async_delegate: bool | None = None
    read_timeout_seconds: float | None = Field(None, gt=0, le=3600)
    page_retries: int | None = Field(None, ge=0, le=20)
    page_retry_backoff: float | None = Field(None, ge=0, le=60)
    throttle_seconds: float | None = Field(None, ge=0, le=60)
    bulk_chunk_size: int | None = Field(None, ge=1, le=200)
    download_parallelism: int | None = Field(None, ge=1, le=64)
    parallelism: int | None = Field(None, ge=1, le=64)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not name.strip():
            raise PydanticCustomError("missing_field", "name must not be blank")
        return name

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if ".." in path.replace("\\", "/").split("/"):
            raise PydanticCustomError("invalid_path", "path must stay inside its storage")
        return path

    @field_validator("storage")
    @classmethod
    def _check_storage(cls, storage: int | None, info: ValidationInfo) -> int | None:
        client = client_of(info)
        if client is None or storage is None:
            return storage
        try:
            client.get_storage(storage)
        except ClientError as exc:
            raise PydanticCustomError(
                "client_error",
                "storage {storage} cannot be used: {reason}",
                {"storage": storage, "reason": exc.reason},
            ) from exc
        return storage

    @model_validator(mode="after")
    def _check_filter(self, info: ValidationInfo) -> Self:
        client = client_of(info)
        if client is not None:
            self.filter = TargetHandlerFactory.get_handler(self.target).validate_filter(self.filter, client)
        return self


def client_of(info: ValidationInfo) -> Any:
    """The client in a validation context, or of the action in it; None when there is neither."""
    context = info.context or {}
    return context.get("client") or getattr(getattr(context.get("action"), "ctx", None), "client", None)
