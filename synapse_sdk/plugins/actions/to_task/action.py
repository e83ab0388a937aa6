"""The pre-annotation action: annotations into tasks before people touch them, from files or from a model."""

from __future__ import annotations

import threading
from typing import Any, ClassVar, NamedTuple

from synapse_sdk.plugins.action import BaseAction, validate_result
from synapse_sdk.plugins.actions._v2_switch import run_env
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.actions.to_task.enums import ToTaskProgressCategories
from synapse_sdk.plugins.actions.to_task.gateway.base import Annotation, TaskWork, encode_payload
from synapse_sdk.plugins.actions.to_task.inference import infer
from synapse_sdk.plugins.actions.to_task.log_messages import ToTaskLogMessageCode
from synapse_sdk.plugins.actions.to_task.models import ToTaskResult
from synapse_sdk.plugins.actions.to_task.params import ToTaskParams
from synapse_sdk.plugins.actions.to_task.settings import resolve_settings
from synapse_sdk.plugins.actions.to_task.steps import register_to_task_steps
from synapse_sdk.plugins.actions.to_task.task_files import primary_file, specification_file, unit_of
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.log_messages import LogMessageCode
from synapse_sdk.plugins.steps import StepRegistry
from synapse_sdk.utils.file.download import iter_download
from synapse_sdk.wire.jobs import JobStatus


class DataFile(NamedTuple):
    """A data file by its address, and what is known of it."""

    url: str
    sha256: str | None
    content: bytes | None


class ToTaskAction(BaseAction[ToTaskParams]):
    """Annotates tasks of a project; override the conversion of the method that you use.

    Both conversions are called from several threads at once.

    Attributes:
        progress: What progress is reported under.
    """

    action_name = "to_task"
    category = PluginCategory.PRE_ANNOTATION
    result_model = ToTaskResult
    progress: ClassVar[ToTaskProgressCategories] = ToTaskProgressCategories()

    def convert_data_from_file(
        self,
        primary_file_url: str,
        primary_file_name: str,
        data_file_url: str,
        data_file_name: str,
        task_data: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Turn a task's annotation file into task data; override it.

        `read_data_file(data_file_url)` has the file's bytes.

        Args:
            primary_file_url: Address of the file that is annotated.
            primary_file_name: Its name.
            data_file_url: Address of the annotation file.
            data_file_name: Its name.
            task_data: The whole task, its data unit included.

        Returns:
            Task data, as `synapse_sdk.wire.annotations.AnnotationData`.

        Raises:
            NotImplementedError: The action does not override it.
        """
        raise NotImplementedError(f"{type(self).__name__} needs convert_data_from_file() for the file method")

    def convert_data_from_inference(
        self, inference_data: dict[str, Any], task_data: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Turn what the model answered into task data; override it.

        Args:
            inference_data: The pre-processor's answer.
            task_data: The whole task, its data unit included.

        Returns:
            Task data, as `synapse_sdk.wire.annotations.AnnotationData`.

        Raises:
            NotImplementedError: The action does not override it.
        """
        raise NotImplementedError(f"{type(self).__name__} needs convert_data_from_inference() for the inference method")

    def known_data_file(self, url: str) -> DataFile | None:
        """What came with the task that this thread converts about its data file."""
        known: DataFile | None = getattr(self._thread, "data_file", None)
        return known if known is not None and known.url == url else None

    def read_data_file(self, url: str) -> bytes:
        """The bytes of a data file: as they came with the task, else fetched, checked, and retried.

        Raises:
            ClientError: The file could not be fetched.
            StorageError: Its bytes are not the announced ones.
        """
        known = self.known_data_file(url)
        if known is not None and known.content is not None:
            return known.content
        client = self.ctx.client
        # As patient as the client with files that the server hands out, and with no other host.
        is_servers = client is not None and url.startswith(f"{client.base_url}/")
        chunks = iter_download(
            url,
            client=getattr(client, "anonymous", None),
            expected_sha256=known.sha256 if known else None,
            retry=client.retry if client is not None and is_servers else None,
        )
        return b"".join(chunks)

    def execute(self) -> ToTaskResult:
        """Annotate the tasks.

        Raises:
            RuntimeError: The run could not begin, or could not go on; tasks that fail alone are in the result.
        """
        registry: StepRegistry[Any] = StepRegistry()
        self.setup_steps(registry)
        context = self.create_context()
        try:
            self.run_steps(registry, context)
        except RuntimeError as exc:
            # The documented messages and their causes reach the caller as they were raised, not as the step's failure.
            if isinstance(exc.__cause__, RuntimeError):
                raise exc.__cause__  # noqa: B904 - its own cause is kept.
            raise
        return self._conclude(context)

    def run(self) -> Any:
        """Run the action; the steps are run by `execute`."""
        return validate_result(self.execute(), self.result_model, self.logger)

    def setup_steps(self, registry: StepRegistry[ToTaskContext]) -> None:
        """Register the three steps: prepare, fetch_tasks, annotate_task_data."""
        register_to_task_steps(registry)

    def create_context(self) -> ToTaskContext:
        """Make the state that the steps share.

        Raises:
            ConfigurationError: A setting has a value that it cannot have.
        """
        env = run_env(self.ctx)
        settings = resolve_settings(self.params.model_dump(), config=self.ctx.config, env=env)
        producer = str(env.get("SYNAPSE_PLUGIN_RELEASE_CODE") or f"{type(self).__module__}.{type(self).__qualname__}")
        return ToTaskContext(
            runtime_ctx=self.ctx, params=self.params, settings=settings, annotate=self._annotate, producer=producer
        )

    @classmethod
    def get_log_message_code_class(cls) -> type[LogMessageCode]:
        """The enum of messages that pre-annotations show."""
        return ToTaskLogMessageCode

    def __init__(self, params: ToTaskParams, ctx: Any) -> None:
        super().__init__(params, ctx)
        # The data file of the task that a worker thread has in hand.
        self._thread = threading.local()

    def _annotate(self, context: ToTaskContext, work: TaskWork) -> Annotation:
        task = dict(work.task or {})
        unit = unit_of(task)
        files = unit.get("files") if isinstance(unit, dict) else None
        primary = primary_file(files)
        if context.is_inference:
            answer = infer(context, primary.url)
            return Annotation(encode_payload(self.convert_data_from_inference(answer, task_data=task)))
        target = specification_file(files, str(context.wanted.target_specification_name))
        self._thread.data_file = DataFile(target.url, target.sha256, work.content)
        data = self.convert_data_from_file(primary.url, primary.name, target.url, target.name, task_data=task)
        return Annotation(encode_payload(data), target.sha256 or "")

    def _conclude(self, context: ToTaskContext) -> ToTaskResult:
        success, failed = context.success_count, context.failed_count
        code = ToTaskLogMessageCode
        if failed:
            self.log_message(code.TASK_DATA_COMPLETED_WITH_FAILURES, success=success, failed=failed)
        else:
            self.log_message(code.TASK_DATA_COMPLETED, count=success)
        before = f" ({context.skipped_count} of them by an earlier run)" if context.skipped_count else ""
        return ToTaskResult(
            status=JobStatus.SUCCEEDED if success else JobStatus.FAILED,
            message=f"{success} tasks annotated{before}, {failed} failed",
            total_tasks=context.total_tasks,
            success_count=success,
            failed_count=failed,
            failures=context.failures,
            skipped_count=context.skipped_count,
            run_id=context.gateway.run_id if context.gateway else None,
        )
