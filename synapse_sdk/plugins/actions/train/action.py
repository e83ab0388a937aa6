"""The base of trainings: data of the platform in, a model of the platform out, with progress and metrics on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ConfigurationError, StorageError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions._v2_switch import run_env
from synapse_sdk.plugins.actions.train.autolog import patch_ultralytics
from synapse_sdk.plugins.actions.train.context import TrainContext
from synapse_sdk.plugins.actions.train.log_messages import TrainLogMessageCode
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.log_messages import LogMessageCode
from synapse_sdk.utils.file.checksum import calculate_checksum
from synapse_sdk.utils.file.download import download_file, iter_download

P = TypeVar("P", bound=BaseModel)


class TrainProgressCategories:
    """What a training's progress is reported under."""

    DATASET: ClassVar[str] = "dataset"
    TRAIN: ClassVar[str] = "train"
    MODEL_UPLOAD: ClassVar[str] = "model_upload"


class BaseTrainAction(BaseAction[P]):
    """A training of one's own: override `execute`, or register steps in `setup_steps`.

    Attributes:
        progress: What progress is reported under, such as `self.progress.TRAIN`.
    """

    action_name: ClassVar[str | None] = "train"
    category: ClassVar[PluginCategory | None] = PluginCategory.NEURAL_NET
    progress: ClassVar[TrainProgressCategories] = TrainProgressCategories()

    @property
    def client(self) -> BackendClient:
        """Client of the server.

        Raises:
            RuntimeError: The run has none.
        """
        if self.ctx.client is None:
            raise RuntimeError("No client in runtime context: log in, or override get_dataset() and create_model()")
        return self.ctx.client

    def create_context(self) -> TrainContext:
        """Make the state that the steps share."""
        return TrainContext(runtime_ctx=self.ctx, params=self.params.model_dump())

    def autolog(self, framework: str) -> None:
        """Report progress and metrics of a framework without further lines of code.

        Args:
            framework: `ultralytics`.

        Raises:
            ConfigurationError: The framework is not known.
            ImportError: It is not installed.
        """
        if framework != "ultralytics":
            raise ConfigurationError(f"autolog knows 'ultralytics', not {framework!r}; report with log_metric()")
        patch_ultralytics(self)

    def get_dataset(self) -> dict[str, Any]:
        """The ground truth version that `params.dataset_id` names, with its events as an iterable.

        Returns:
            `{id, version, events, count}`; `events` fetches pages as it is read.

        Raises:
            ConfigurationError: The parameters have no `dataset_id`.
            ClientError: There is no such version, or you may not see it.
        """
        dataset_id = getattr(self.params, "dataset_id", None)
        if dataset_id is None:
            raise ConfigurationError(f"{type(self.params).__name__} needs a dataset_id for get_dataset()")
        self.set_progress(0, 1, self.progress.DATASET)
        version = self.client.get_ground_truth_version(dataset_id)
        events, count = self.client.get_ground_truth({"ground_truth_dataset_version": dataset_id})
        self.set_progress(1, 1, self.progress.DATASET)
        return {"id": dataset_id, "version": version, "events": events, "count": count}

    def create_model(self, path: str | Path, **fields: Any) -> dict[str, Any]:
        """Upload weights as a model of the platform, and check that they arrived as they are.

        Args:
            path: The weights: one file.
            **fields: Of `synapse_sdk.wire.plugins.ModelCreate`; `name` defaults to the file's, `plugin` and `version`
                to this release's.

        Raises:
            ClientError: The server refused it, or could not be reached.
            StorageError: What the server keeps is not what was sent.
            OSError: The file cannot be read.
        """
        file = Path(path)
        sha256 = calculate_checksum(file)
        body = {"name": file.stem, **self._release(), **fields}
        body["metadata"] = {**(fields.get("metadata") or {}), "sha256": sha256, "file_name": file.name}
        self.set_progress(0, 1, self.progress.MODEL_UPLOAD)
        model: dict[str, Any] = dict(self.client.create_model(body, file=file))
        for _ in iter_download(str(model["url"]), client=self.client.anonymous, expected_sha256=sha256):
            """Read to its end, where the checksum is compared."""
        self.set_progress(1, 1, self.progress.MODEL_UPLOAD)
        self.log_message(TrainLogMessageCode.TRAIN_MODEL_UPLOADED, model=model["id"])
        return model

    def get_checkpoint(self, folder: str | Path | None = None) -> dict[str, Any] | None:
        """The model to start from: `params.checkpoint`, else what the run was given.

        Args:
            folder: Where its weights go; the working directory when None.

        Returns:
            `{path, category, id, name}`, or None when the training starts anew.

        Raises:
            ClientError: The model could not be fetched.
            StorageError: Its bytes are not the announced ones.
        """
        model_id = getattr(self.params, "checkpoint", None)
        if model_id is None:
            given = self.ctx.checkpoint
            return {"id": None, "name": None, **given} if given else None
        model = self.client.get_model(model_id)
        if not model.get("url"):
            raise StorageError(f"Model {model_id} has no weights to start from; choose another checkpoint.")
        metadata = model.get("metadata") or {}
        name = Path(str(metadata.get("file_name") or f"model-{model_id}")).name
        target = download_file(
            model["url"],
            Path(folder or ".") / name,
            client=self.client.anonymous,
            expected_sha256=metadata.get("sha256"),
        )
        self.log_message(TrainLogMessageCode.TRAIN_CHECKPOINT_LOADED, model=model_id)
        return {"path": str(target), "category": "base", "id": model["id"], "name": model["name"]}

    @classmethod
    def get_log_message_code_class(cls) -> type[LogMessageCode]:
        """The enum of messages that trainings show."""
        return TrainLogMessageCode

    def _release(self) -> dict[str, str]:
        code = str(run_env(self.ctx).get("SYNAPSE_PLUGIN_RELEASE_CODE") or "")
        plugin, _, version = code.rpartition("@")
        return {"plugin": plugin, "version": version} if plugin else {}
