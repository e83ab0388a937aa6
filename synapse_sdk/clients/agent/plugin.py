"""Releases of an agent, and running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse_sdk.clients.backend.transport import V1Transport, item_path


class PluginReleaseClientMixin(V1Transport):
    """What an agent can run. All of it acts for a person: the client needs `user_token`."""

    def list_plugin_releases(self) -> Any:
        return self._get("plugin_releases/")

    def get_plugin_release(self, lookup: int | str) -> Any:
        """One release, by id or as `code@version`."""
        return self._get(item_path("plugin_releases", lookup))

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
