"""Export actions: a base for exporters of one's own, and the action that runs the fixed nine steps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel

from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.exceptions import ClientError, ConfigurationError
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.actions._v2_switch import run_env
from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.actions.export.delegation import (
    DelegationDecision,
    SettingSources,
    decide_delegation,
    resolve_settings,
)
from synapse_sdk.plugins.actions.export.enums import ExportEvent, ExportProgressCategories
from synapse_sdk.plugins.actions.export.exporter import BaseExporter
from synapse_sdk.plugins.actions.export.failure_classifier import classify_export_error
from synapse_sdk.plugins.actions.export.handlers import (
    ExportTargetHandler,
    PlatformHandler,
    TargetHandlerFactory,
    is_platform,
)
from synapse_sdk.plugins.actions.export.log_messages import ExportLogMessageCode
from synapse_sdk.plugins.actions.export.output.provenance import plugin_versions
from synapse_sdk.plugins.actions.export.params import ExportParams
from synapse_sdk.plugins.actions.export.steps import register_export_steps
from synapse_sdk.plugins.actions.export.steps.in_process import source_client
from synapse_sdk.plugins.enums import PluginCategory
from synapse_sdk.plugins.log_messages import LogMessageCode
from synapse_sdk.plugins.steps import StepRegistry

P = TypeVar("P", bound=BaseModel)

__all__ = ["BaseExportAction", "DefaultExportAction", "ExportAction", "ExportProgressCategories"]


class BaseExportAction(BaseAction[P]):
    """An export of one's own: override `execute`, or register steps in `setup_steps`.

    Attributes:
        progress: What progress is reported under, such as `self.progress.DATASET_CONVERSION`.
    """

    category = PluginCategory.EXPORT
    progress: ClassVar[ExportProgressCategories] = ExportProgressCategories()

    @property
    def client(self) -> BackendClient:
        """Client of the server.

        Raises:
            RuntimeError: The run has none.
        """
        if self.ctx.client is None:
            raise RuntimeError(
                "No client in runtime context: log in, or override get_filtered_results() with a source of your own"
            )
        return self.ctx.client

    def get_filtered_results(self, filters: dict[str, Any]) -> tuple[Any, int]:
        """Fetch what is to be exported; override it.

        Args:
            filters: Filter criteria.

        Returns:
            `(results, count)`; results should be a generator.

        Raises:
            NotImplementedError: The action does not override it.
        """
        raise NotImplementedError(f"{type(self).__name__} needs get_filtered_results() to fetch what it exports")

    def create_context(self) -> ExportContext:
        """Make the state that the steps share."""
        return ExportContext(runtime_ctx=self.ctx, params=plain_params(self.params), config=self.ctx.config)

    def run_steps(self, registry: StepRegistry[Any], context: Any) -> dict[str, Any]:
        """Run the steps and answer their outcome with the counts.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
        """
        outcome: dict[str, Any] = super().run_steps(registry, context)
        outcome |= {
            "exported_count": context.exported_count,
            "failed_count": context.failed_count,
            "total_count": context.total_count,
        }
        if context.output_path is not None:
            outcome["output_path"] = context.output_path
        if context.unique_export_path is not None:
            outcome["export_path"] = str(context.unique_export_path)
        known = {"report": context.report, "deleted_count": context.deleted_count}
        outcome |= {name: value for name, value in known.items() if value is not None}
        return outcome

    def get_storage(self, storage_id: int) -> Any:
        """A storage with its configuration.

        Raises:
            ClientError: There is none, or you may not see it.
        """
        return self.client.get_storage(storage_id)

    def get_project(self, project_id: int) -> dict[str, Any]:
        """A project.

        Raises:
            ClientError: There is none, or you may not see it.
        """
        return dict(self.client.get_project(project_id))

    def get_project_configuration(self, project_id: int) -> dict[str, Any]:
        """A project's configuration, its class schema among it.

        Raises:
            ClientError: There is no such project, or you may not see it.
        """
        return dict(self.get_project(project_id).get("configuration") or {})

    @classmethod
    def get_log_message_code_class(cls) -> type[LogMessageCode]:
        """The enum of messages that exports show."""
        return ExportLogMessageCode


def plain_params(params: BaseModel) -> dict[str, Any]:
    """The parameters as a dict, a member of a `(str, Enum)` as its text: an f-string would print the member's name."""
    values = params.model_dump()
    return {name: str(v.value) if isinstance(v, str) and isinstance(v, Enum) else v for name, v in values.items()}


class ExportAction(BaseExportAction[ExportParams]):
    """Exports tasks, assignments or ground truth through `entrypoint`, an exporter class.

    The data is gathered by the server where it can be, else by this process; the steps, and the output, are the same.
    """

    action_name = "export"

    @property
    def entrypoint(self) -> type[BaseExporter]:
        """The exporter class; override it."""
        return BaseExporter

    def get_filtered_results(self, filters: dict[str, Any]) -> tuple[Any, int]:
        """Fetch with the target's handler; override it for a source of your own.

        Raises:
            ClientError: The server refused, or could not be reached.
        """
        return self._handler.get_results(source_client(self.ctx), filters)

    def setup_steps(self, registry: StepRegistry[ExportContext]) -> None:
        """Register the nine steps."""
        register_export_steps(registry)

    def run_steps(self, registry: StepRegistry[Any], context: Any) -> dict[str, Any]:
        """Decide who gathers the data, then run the steps.

        Raises:
            RuntimeError: A step failed; its exception is the cause.
            ValueError: The filter or a setting has a value that it cannot have.
        """
        self._complete(context)
        self._warn(context.delegation_decision)
        try:
            return super().run_steps(registry, context)
        except RuntimeError as exc:
            code = classify_export_error(exc)
            self.log(ExportEvent.FAILED, {"error": str(exc), "code": str(code) if code else None})
            if code is not None:
                self.log_message(code)
            raise

    @cached_property
    def _handler(self) -> ExportTargetHandler:
        handler = TargetHandlerFactory.get_handler(self.params.target)
        handler.settings = resolve_settings(self._sources())
        return handler

    def _complete(self, context: ExportContext) -> None:
        """Fill in what the steps need; a plugin's own `create_context` need not know of it."""
        self._handler.validate_filter(dict(self.params.filter), None if is_platform(self._handler) else self.ctx.client)
        context.handler = self._handler
        context.settings = self._handler.settings
        context.exporter_class = self.entrypoint
        context.fetch = self.get_filtered_results
        context.project_id = self._project_id()
        context.plugin = plugin_versions(type(self), run_env(self.ctx))
        context.delegation_decision = self._resolve_delegation_decision()
        _refuse_idle_resume(context)

    def _resolve_delegation_decision(self) -> DelegationDecision:
        decision = decide_delegation(
            self._sources(),
            has_v2_client=self.ctx.v2_client is not None,
            project_id=self._project_id(),
            is_custom_source=self._is_custom_source(),
        )
        return replace(decision, count=self._probe_count())

    def _probe_count(self) -> int | None:
        """How many rows match, for progress; no answer changes nothing."""
        if self.ctx.client is None or not isinstance(self._handler, PlatformHandler):
            return None
        try:
            return self._handler.count(self.ctx.client, self.params.filter)
        except (ClientError, ConfigurationError):
            return None

    def _warn(self, decision: DelegationDecision) -> None:
        for name in decision.deprecated_settings:
            warnings.warn(f"{name} has no effect: exports of any size are delegated", DeprecationWarning, stacklevel=4)
        if decision.is_delegated:
            return
        reason = decision.reason_text
        warnings.warn(f"The in-process export is deprecated ({reason})", DeprecationWarning, stacklevel=4)
        self.log_message(ExportLogMessageCode.EXPORT_IN_PROCESS, reason=reason)

    def _sources(self) -> SettingSources:
        return SettingSources(
            params=self.params.model_dump(),
            extra_params=self.params.extra_params or {},
            config=self.ctx.config,
            env=run_env(self.ctx),
        )

    def _project_id(self) -> int | None:
        extra: Mapping[str, Any] = self.params.extra_params or {}
        value = self.params.filter.get("project", extra.get("project_id"))
        try:
            return None if value is None else int(value)
        except (TypeError, ValueError):
            return None  # Several projects, or what the server will refuse.

    def _is_custom_source(self) -> bool:
        is_replaced = type(self).get_filtered_results is not ExportAction.get_filtered_results
        return is_replaced or not is_platform(self._handler)


def _refuse_idle_resume(context: ExportContext) -> None:
    job_id, decision = context.params.get("resume_job"), context.delegation_decision
    if job_id and decision is not None and not decision.is_delegated:
        raise ConfigurationError(f"The server's job {job_id} cannot be taken up: {decision.reason_text}.")


class DefaultExportAction(ExportAction):
    """The same pipeline under its other name."""
