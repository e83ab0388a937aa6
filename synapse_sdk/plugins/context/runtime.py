"""What a running action is given: its logger, its settings and the clients it may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from synapse_sdk.loggers import BaseLogger
from synapse_sdk.plugins.context.env import PluginEnvironment
from synapse_sdk.plugins.enums import LogLevel
from synapse_sdk.plugins.log_messages import CommonLogMessageCode, LogMessageCode, resolve_log_message

if TYPE_CHECKING:
    from synapse_sdk.clients.backend import BackendClient
    from synapse_sdk.clients.backend_v2 import BackendV2Client


@dataclass
class RuntimeContext:
    """Everything an action may reach beyond its parameters.

    Attributes:
        logger: Where progress, metrics and events go.
        env: Settings of this run.
        job_id: Id of the job on the server; None in a run that no server knows.
        client: v1 client of the server, when there are credentials.
        v2_client: v2 client of the server, when there are credentials.
        agent_client: Client of the agent that runs this action.
        checkpoint: `{category, path}` of the model to start from.
        language: Language of messages to people; English when None.
        config: The action's own section of config.yaml.
    """

    logger: BaseLogger
    env: PluginEnvironment
    job_id: str | None = None
    client: BackendClient | None = None
    v2_client: BackendV2Client | None = None
    agent_client: Any = None
    checkpoint: dict[str, Any] | None = None
    language: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    def log(self, event: str, data: Mapping[str, Any], file: str | None = None) -> None:
        """Record an event.

        Args:
            event: Its name.
            data: Its facts, as JSON.
            file: Path of a file to attach.
        """
        self.logger.log(LogLevel.INFO, event, data, file)

    def set_progress(self, current: int, total: int, category: str | None = None, *, step: str | None = None) -> None:
        """Report that `current` of `total` items are done, for a step or for the whole action."""
        self.logger.set_progress(current, total, step or category)

    def set_metrics(self, value: Mapping[str, Any], category: str | None = None, *, step: str | None = None) -> None:
        """Record numbers of a step; later values of the same name replace earlier ones."""
        self.logger.set_metrics(value, step or category)

    def log_message(self, message: str | LogMessageCode, context: str = "info", **kwargs: Any) -> None:
        """Show a message to the people who follow this run.

        Args:
            message: A registered code, or plain text.
            context: info, warning, danger or success; a code brings its own.
            **kwargs: Values for the code's template.
        """
        text, level = resolve_log_message(message, self.language, **kwargs)
        self.logger.log_message(text, level if isinstance(message, LogMessageCode) else context)

    def log_metric(self, category: str, key: str, value: float, **metrics: Any) -> None:
        self.logger.log_metric(category, key, value, **metrics)

    def log_visualization(self, category: str, group: str, index: int, image: str, **meta: Any) -> None:
        self.logger.log_visualization(category, group, index, image=image, **meta)

    def log_trials(self, data: Mapping[str, Any] | None = None, **parts: Any) -> None:
        """Record the trials of a search; see `BaseLogger.log_trials`."""
        self.logger.log_trials(data, **parts)

    def log_dev_event(self, message: str, data: Mapping[str, Any] | None = None) -> None:
        """Record something for the plugin's developer only."""
        self.logger.log(LogLevel.DEBUG, "dev_event", {"message": message, "data": dict(data or {})})

    def end_log(self) -> None:
        """Tell people that the run is complete."""
        self.log_message(CommonLogMessageCode.PLUGIN_RUN_COMPLETE)
