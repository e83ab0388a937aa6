"""v1: plugins and their runs, agents, models, storages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse_sdk.clients.backend.transport import Body, Params, V1Transport, encode_body, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.clients.pages import parse_model
from synapse_sdk.exceptions import NotFoundError, StreamLimitExceededError
from synapse_sdk.utils.network import StreamLimits, validate_resource_id

if TYPE_CHECKING:
    from synapse_sdk.clients.backend.models import (
        ModelCreateRequest,
        PluginReleaseCreateRequest,
        PluginRunRequest,
        ServeApplicationCreateRequest,
        UpdateJobRequest,
    )
    from synapse_sdk.clients.backend.records import Agent, Storage

# A training run may print nothing for hours.
_CONSOLE_SILENCE_SECONDS = 86_400.0


class PluginClientMixin(V1Transport):
    """Plugins, runs, agents, models and storages."""

    def list_agents(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("agents/", list_all=list_all, params=params)

    def get_agent(self, agent_id: int) -> Agent:
        from synapse_sdk.clients.backend.records import Agent

        path = item_path("agents", agent_id)
        return parse_model(Agent, self._get(path), f"GET {path}")

    def health_check_agent(self, token: str, data: Params | None = None) -> Any:
        """Tell the server that the agent with this token is alive."""
        return self._post(item_path("agents", token, "connect/"), data or {}, repeatable=True)

    def get_plugin(self, plugin: int | str) -> Any:
        return self._get(item_path("plugins", plugin))

    def list_plugins(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("plugins/", list_all=list_all, params=params)

    def create_plugin(self, data: Body) -> Any:
        return self._post("plugins/", data)

    def update_plugin(self, plugin: int | str, data: Body) -> Any:
        return self._patch(item_path("plugins", plugin), data)

    def run_plugin(self, plugin: int | str, data: PluginRunRequest | Params) -> Any:
        """Run an action of a plugin (id or code). Sent once: a run is not started twice.

        Raises:
            ConflictError: No agent can run it.
            ClientError: The call failed.
        """
        return self._post(item_path("plugins", plugin, "run/"), data)

    def get_plugin_release(self, release: int | str, *, params: Params | None = None) -> Any:
        return self._get(item_path("plugin_releases", release), params)

    def list_plugin_releases(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("plugin_releases/", list_all=list_all, params=params)

    def create_plugin_release(self, data: PluginReleaseCreateRequest | Params, *, file: str | Path) -> Any:
        """Publish a release: its configuration and its archive."""
        return self._post_form("plugin_releases/", data, file)

    def get_job(self, job_id: str, *, params: Params | None = None) -> Any:
        return self._get(item_path("jobs", job_id), params)

    def list_jobs(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("jobs/", list_all=list_all, params=params)

    def create_job(self, data: Body) -> Any:
        """Book a run that the caller carries out; with an `id` of its own it may be sent again."""
        return self._post("jobs/", data)

    def update_job(self, job_id: str, data: UpdateJobRequest | Params) -> Any:
        """Report a run's progress, metrics, result or status. Values replace what was there, so it may be repeated."""
        return self._patch(item_path("jobs", job_id), data, repeatable=True)

    def list_job_console_logs(self, job_id: str, params: Params | None = None) -> Any:
        return self._get(item_path("jobs", job_id, "console_logs/"), params)

    def tail_job_console_logs(self, job_id: str, *, limits: StreamLimits | None = None) -> Iterator[str]:
        """A run's console lines as they come, until it ends.

        Raises:
            StreamLimitExceededError: The stream sent more than the limits allow.
            ClientError: The call failed.
        """
        path = f"async/jobs/{validate_resource_id(job_id)}/tail_console_logs/"
        call = Call("GET", path, read_timeout_seconds=_CONSOLE_SILENCE_SECONDS)
        with self.stream(call) as response:
            yield from _bounded_lines(response.iter_lines(), limits or StreamLimits())

    def create_logs(self, data: Sequence[Params] | Params) -> Any:
        """Send log entries of runs. Repeated only when each entry carries a `uid`, by which the server knows it."""
        entries = [dict(data)] if not isinstance(data, Sequence) else [dict(entry) for entry in data]
        repeatable = all(entry.get("uid") for entry in entries)
        return self._post("logs/", entries[0] if len(entries) == 1 else entries, repeatable=repeatable)

    def list_logs(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("logs/", list_all=list_all, params=params)

    def create_serve_application(self, data: ServeApplicationCreateRequest | Params) -> Any:
        return self._post("serve_applications/", data)

    def list_serve_applications(self, params: Params | None = None, *, list_all: bool = False, **filters: Any) -> Any:
        """Applications; filters may also be keywords: `plugin_code="finder", job__agent=2`."""
        return self._list("serve_applications/", list_all=list_all, params={**(params or {}), **filters})

    def get_serve_application(self, application_id: int) -> Any:
        return self._get(item_path("serve_applications", application_id))

    def delete_serve_application(self, application_id: int) -> Any:
        """Have the agent end an application, after what it works on."""
        return self.send_json(Call("DELETE", item_path("serve_applications", application_id)))

    def report_serve_applications(self, data: Body) -> Any:
        """Tell the server everything that this client's agent serves; values replace what was there."""
        return self._post("serve_applications/report/", data, repeatable=True)

    def list_models(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("models/", list_all=list_all, params=params)

    def get_model(self, model_id: int, *, params: Params | None = None, url_conversion: Params | None = None) -> Any:
        return self._get(item_path("models", model_id), params, url_conversion=url_conversion)

    def create_model(self, data: ModelCreateRequest | Params, *, file: str | Path | None = None) -> Any:
        """Register a trained model, with its weights when there is a file."""
        return self._post_form("models/", data, file) if file else self._post("models/", data)

    def list_storages(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        return self._list("storages/", list_all=list_all, params=params)

    def get_storage(self, storage_id: int) -> Storage:
        """A storage with what is needed to open it.

        Raises:
            AuthorizationError: The token may not see the configuration.
            NotFoundError: There is no such storage.
        """
        from synapse_sdk.clients.backend.records import Storage

        path = item_path("storages", storage_id)
        return parse_model(Storage, self._get(path, {"with_configuration": True}), f"GET {path}")

    def get_default_storage(self) -> Storage:
        """The installation's default storage.

        Raises:
            NotFoundError: No storage is marked as the default.
        """
        storages, _ = self._list("storages/", list_all=True)
        for storage in storages:
            if storage.get("is_default"):
                return self.get_storage(storage["id"])
        raise NotFoundError(404, "No storage is marked as the default. Mark one, or name a storage.")

    def _post_form(self, path: str, request: Body, file: str | Path) -> Any:
        fields = {name: _form_value(value) for name, value in encode_body(request).items() if value is not None}
        with Path(file).open("rb") as content:
            call = Call(
                "POST",
                path,
                data=fields,
                files={"file": (Path(file).name, content)},
                is_long=True,
            )
            return self.send_json(call)


def _form_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _bounded_lines(lines: Iterator[str], limits: StreamLimits) -> Iterator[str]:
    received = 0
    for number, line in enumerate(lines, 1):
        size = len(line.encode())
        received += size
        if number > limits.max_lines or received > limits.max_bytes:
            raise StreamLimitExceededError(429, "The console sent more than the limits allow. Fetch its log instead.")
        if size <= limits.max_message_size:
            yield line
