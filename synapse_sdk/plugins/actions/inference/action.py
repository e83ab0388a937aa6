"""The base of actions that run a model over data without serving it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import BaseModel

from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions.inference.context import InferenceContext, InferenceProgressCategories
from synapse_sdk.plugins.actions.inference.log_messages import InferenceLogMessageCode
from synapse_sdk.plugins.actions.inference.model_store import fetch_model
from synapse_sdk.plugins.enums import PluginCategory

if TYPE_CHECKING:
    from synapse_sdk.clients.backend import BackendClient

P = TypeVar("P", bound=BaseModel)


class BaseInferenceAction(BaseAction[P]):
    """Runs a model of the platform over inputs.

    Attributes:
        progress: Names of its progress categories.
    """

    action_name: ClassVar[str | None] = "inference"
    category: ClassVar[PluginCategory | None] = PluginCategory.NEURAL_NET
    progress = InferenceProgressCategories()

    @property
    def client(self) -> BackendClient:
        """The server's client.

        Raises:
            RuntimeError: The run has no credentials.
        """
        if self.ctx.client is None:
            raise RuntimeError("This action needs a server: log in with `synapse login`, then run it again.")
        return self.ctx.client

    def get_model(self, model_id: int) -> dict[str, Any]:
        """A model's facts on the server, with the address of its weights.

        Raises:
            NotFoundError: There is no such model.
        """
        model: dict[str, Any] = self.client.get_model(model_id)
        return model

    def download_model(self, model_id: int, output_dir: str | Path | None = None) -> Path:
        """The folder with a model's files; fetched once, checked against the server's SHA-256.

        Args:
            model_id: The model.
            output_dir: Keep models there; in `~/.synapse/models` when None.

        Raises:
            ConfigurationError: The model has no weights.
            StorageError: The bytes are not the announced ones.
        """
        return self._fetch(self.get_model(model_id), output_dir)

    def load_model(self, model_id: int) -> dict[str, Any]:
        """A model's facts and, as `path`, the folder with its files."""
        model = self.get_model(model_id)
        path = self._fetch(model, None)
        self.log_message(InferenceLogMessageCode.MODEL_LOADED, model=model.get("name", model_id))
        return {**model, "path": str(path)}

    def infer(self, model: Any, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Answer inputs with a model.

        Args:
            model: What `load_model` answered, or what the plugin made of it.
            inputs: The inputs.

        Returns:
            One output for each input, in order.

        Raises:
            NotImplementedError: The plugin does not override it.
        """
        raise NotImplementedError(f"{type(self).__name__} needs an infer() method")

    def create_context(self) -> InferenceContext:
        return InferenceContext(runtime_ctx=self.ctx, params=self.params)

    @classmethod
    def get_log_message_code_class(cls) -> type[InferenceLogMessageCode]:
        return InferenceLogMessageCode

    def _fetch(self, model: dict[str, Any], output_dir: str | Path | None) -> Path:
        self.log_message(InferenceLogMessageCode.MODEL_DOWNLOADING, model=model.get("name", model.get("id")))
        return fetch_model(model, Path(output_dir) if output_dir else None)
