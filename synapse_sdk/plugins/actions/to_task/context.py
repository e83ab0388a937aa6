"""State that the steps of one pre-annotation share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synapse_sdk.exceptions import PreAnnotationError
from synapse_sdk.plugins.actions.to_task.gateway.base import Annotation, TaskGateway, TaskWork
from synapse_sdk.plugins.actions.to_task.models import TaskFailure
from synapse_sdk.plugins.actions.to_task.params import ToTaskMethod, ToTaskParams
from synapse_sdk.plugins.actions.to_task.settings import ToTaskSettings
from synapse_sdk.plugins.steps import BaseStepContext

AnnotateTask = Callable[["ToTaskContext", TaskWork], Annotation]


@dataclass
class ToTaskContext(BaseStepContext):
    """What a pre-annotation knows, from its parameters to its counts.

    Attributes:
        params: The action's parameters.
        settings: How widely and patiently it works.
        annotate: How one task becomes annotations; the action's own hooks behind it.
        producer: Name of what converts: the plugin release, or the action's class.
        data_collection: The project's collection with its file specifications.
        pre_processor_code: Code of the plugin that infers.
        pre_processor_version: Version of its release.
        serve_app: The serve application that answers, where the server names one.
        is_agent_asked: Whether the run's own agent can be asked for answers, without the server between.
        gateway: How tasks are fetched and results sent.
        total_tasks: Tasks that match.
        success_count: Tasks that are annotated now.
        skipped_count: Those of them that an earlier run had annotated.
        failures: Tasks that are not.
    """

    params: ToTaskParams | None = None
    settings: ToTaskSettings = field(default_factory=ToTaskSettings)
    annotate: AnnotateTask | None = None
    producer: str = ""
    data_collection: Mapping[str, Any] = field(default_factory=dict)
    pre_processor_code: str | None = None
    pre_processor_version: str | None = None
    serve_app: Mapping[str, Any] | None = None
    is_agent_asked: bool = False
    gateway: TaskGateway | None = None
    total_tasks: int = 0
    success_count: int = 0
    skipped_count: int = 0
    failures: list[TaskFailure] = field(default_factory=list)

    @property
    def client(self) -> Any:
        """The v1 client: pre-annotation stays on v1.

        Raises:
            PreAnnotationError: The run has none.
        """
        if self.runtime_ctx.client is None:
            raise PreAnnotationError("No client in runtime context: log in, then run the action again")
        return self.runtime_ctx.client

    @property
    def wanted(self) -> ToTaskParams:
        """The parameters, which every run has."""
        assert self.params is not None
        return self.params

    @property
    def is_inference(self) -> bool:
        """Whether a model annotates."""
        return self.wanted.method is ToTaskMethod.INFERENCE

    @property
    def failed_count(self) -> int:
        return len(self.failures)
