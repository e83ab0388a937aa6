"""Releases of an agent, and running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse_sdk.clients.backend.transport import V1Transport, item_path
from synapse_sdk.clients.base import Call


class PluginReleaseClientMixin(V1Transport):
    """What an agent can run. All of it acts for a person: the client needs `user_token`."""

    def list_plugin_releases(self) -> Any:
        return self._get("plugin_releases/")

    def get_plugin_release(self, lookup: int | str) -> Any:
        """One release, by id or as `code@version`."""
        return self._get(item_path("plugin_releases", lookup))

    def create_plugin_release(self, plugin: str, version: str) -> Any:
        """Let the agent fetch a release ahead of its first run.

        Raises:
            NotFoundError: There is no such release.
        """
        return self._post("plugin_releases/", {"plugin": plugin, "version": version}, repeatable=True)

    def delete_plugin_release(self, lookup: int | str) -> None:
        """Let the agent forget its copy of a release; the server keeps it."""
        self.send(Call("DELETE", item_path("plugin_releases", lookup)))

    def run_debug_plugin_release(
        self,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        plugin_path: str,
        config: Mapping[str, Any] | None = None,
        modules: Mapping[str, str] | None = None,
        requirements: Sequence[str] | None = None,
        job_id: str | None = None,
    ) -> Any:
        """Run a plugin's folder on the agent's host as it is, as a debug release; answers its job.

        Args:
            action: Name of the action.
            params: Its parameters.
            plugin_path: The folder, on the agent's host.
            config: Refused by our agents: it belongs into the folder.
            modules: The same.
            requirements: The same.
            job_id: The job's id, when the caller has made one up.

        Raises:
            ValidationError: There is no such folder, or its configuration cannot be used.
            ClientError: The call failed.
        """
        given = {"config": config, "modules": modules, "requirements": requirements, "job_id": job_id}
        body = {"action": action, "params": dict(params or {}), "plugin_path": plugin_path, **given}
        body = {key: value for key, value in body.items() if value is not None}
        return self.send_json(Call("POST", "plugin_releases/run_debug/", json=body, is_long=True))

    def run_plugin_release(
        self,
        lookup: int | str,
        action: str,
        params: Mapping[str, Any] | None = None,
        *,
        data: Mapping[str, Any] | None = None,
        requirements: Sequence[str] | None = None,
        job_id: str | None = None,
    ) -> Any:
        """Run an action of a release on this agent; answers its job. Sent once: a run is not started twice.

        Args:
            lookup: The release, by id or as `code@version`.
            action: Name of the action.
            params: Its parameters.
            data: The same under its older name; `params` win.
            requirements: Refused by our agents: they belong into the release.
            job_id: The job's id, when the caller has made one up.

        Raises:
            ConflictError: The agent is not connected, or there is such a job.
            ClientError: The call failed.
        """
        body = {
            "action": action,
            "params": dict(params or {}),
            "data": None if data is None else dict(data),
            "requirements": None if requirements is None else list(requirements),
            "job_id": job_id,
        }
        path = item_path("plugin_releases", lookup, "run/")
        return self._post(path, {key: value for key, value in body.items() if value is not None})
