"""The base of uploads: always in steps, the eight built-in ones unless a plugin registers others."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel

from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions.upload.context import UploadContext
from synapse_sdk.plugins.actions.upload.steps import register_upload_steps
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.steps import StepRegistry

P = TypeVar("P", bound=BaseModel)


class UploadProgressCategories:
    """What an upload's progress was reported under; deprecated, steps report under their own names."""

    INITIALIZE: ClassVar[str] = "initialize"
    VALIDATE: ClassVar[str] = "validate"
    UPLOAD: ClassVar[str] = "upload"
    CLEANUP: ClassVar[str] = "cleanup"


class BaseUploadAction(BaseAction[P]):
    """An upload in steps. Override `setup_steps` to add steps around the built-in ones, or to register others."""

    action_name: ClassVar[str | None] = "upload"
    category: ClassVar[PluginCategory | None] = PluginCategory.UPLOAD
    progress: ClassVar[UploadProgressCategories] = UploadProgressCategories()

    def setup_steps(self, registry: StepRegistry[Any]) -> None:
        """Register the eight steps."""
        register_upload_steps(registry)

    def create_context(self) -> UploadContext:
        """Make the state that the steps share."""
        return UploadContext(runtime_ctx=self.ctx, params=self.params.model_dump())

    def execute(self) -> Any:
        """Not for uploads: they work in steps.

        Raises:
            RuntimeError: `setup_steps` registered none.
        """
        raise RuntimeError(f"{type(self).__name__} registers no steps: an upload needs some from setup_steps()")

    def run_steps(self, registry: StepRegistry[Any], context: Any) -> dict[str, Any]:
        """Run the steps and answer their outcome with the counts.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
        """
        outcome: dict[str, Any] = super().run_steps(registry, context)
        return outcome | {"uploaded_files": context.uploaded_files, "data_units": context.data_units}
