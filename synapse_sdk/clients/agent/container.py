"""Playground containers of an agent: made, listed, watched, removed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.clients.agent.container_request import (
    existing_file,
    form_fields,
    optional_fields,
    release_fields,
)
from synapse_sdk.clients.backend.transport import Params, V1Transport, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.exceptions import ClientConnectionError, ContainerBuildError
from synapse_sdk.plugins.models.release import PluginRelease
from synapse_sdk.wire.containers import BuildStatus, ContainerWish

BUILD_SECONDS = 300.0
POLL_SECONDS = 0.2
MIN_POLL_SECONDS = 0.02
# Silence of a log stream after which it is opened anew; the agent sends a comment well before.
STREAM_SILENCE_SECONDS = 30.0


class ContainerClientMixin(V1Transport):
    """Containers of an agent."""

    def create_container(
        self,
        plugin_release: str | PluginRelease | None = None,
        *,
        model: int | None = None,
        params: Mapping[str, Any] | None = None,
        envs: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        labels: Iterable[str] | None = None,
        plugin_file: str | Path | None = None,
        wait: bool = True,
        timeout: float = BUILD_SECONDS,
    ) -> dict[str, Any]:
        """Make a container for a release and a model, or restart the one that is there.

        Args:
            plugin_release: `code@version`, or a `PluginRelease`.
            model: Id of the model; another model is another container.
            params: Parameters of the app, in its variable PLUGIN_PARAMS.
            envs: More variables.
            metadata: Kept with the container.
            labels: Kept with the container, for lists.
            plugin_file: A local archive, sent along; else the agent asks its server for the release.
            wait: Wait until the app answers; else an agent that builds answers `build_id` at once.
            timeout: How long to wait, in seconds.

        Returns:
            `id, status, name, image, endpoint`, and `restarted` when it was there already.

        Raises:
            ValueError: Neither a release nor an archive is given.
            TypeError: `plugin_release` is neither a string nor a `PluginRelease`.
            FileNotFoundError: There is no such archive.
            ContainerBuildError: It could not be built or started (a `RuntimeError`).
            TimeoutError: It took longer than `timeout`; the agent goes on.
            ClientError: The agent could not be reached, or refused.
        """
        if plugin_release is None and plugin_file is None:
            raise ValueError("Give plugin_release, or plugin_file, or both.")
        fields = release_fields(plugin_release)
        fields |= optional_fields(model=model, params=params, envs=envs, metadata=metadata, labels=labels)
        answer = self._send_wish(fields, plugin_file)
        if wait and "build_id" in answer and "id" not in answer:
            return self.wait_for_build(answer["build_id"], timeout=timeout)
        return answer

    def list_containers(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        """Containers: a page `{results, count}`, or `(generator, count)` of all.

        Args:
            params: Filters: `status`, `plugin_release`, `model`, `label`, `search`, `ids`, `ids_ex`.
            list_all: Go through all pages.
        """
        return self._list("containers/", list_all=list_all, params=params)

    def get_container(self, container_id: int | str) -> dict[str, Any]:
        """One container with all that the engine knows of it, by the engine's id, its number or its name.

        Raises:
            NotFoundError: The agent has no such container.
        """
        answer: dict[str, Any] = self._get(item_path("containers", container_id))
        return answer

    def update_container(self, container_id: int | str, *, status: str) -> dict[str, Any]:
        """Start, restart, pause or stop a container: `running`, `restarted`, `paused`, `stopped`."""
        body = {"status": ContainerWish(status).value}
        call = Call("PATCH", item_path("containers", container_id), json=body, is_long=True)
        answer: dict[str, Any] = self.send_json(call)
        if "build_id" in answer and "id" not in answer:
            return self.wait_for_build(answer["build_id"])
        return answer

    def delete_container(self, container_id: int | str) -> None:
        """Stop a container and remove it."""
        self.send(Call("DELETE", item_path("containers", container_id), is_long=True))

    def get_container_logs(self, container_id: int | str, tail: int = 1000) -> str:
        """What the app has printed lately."""
        call = Call("GET", item_path("containers", container_id, "logs/"), params={"tail": tail}, is_long=True)
        return self.send(call).text

    def stream_container_logs(self, container_id: int | str) -> Iterator[str]:
        """The app's lines as they come, until the container is gone."""
        yield from self._events(item_path("containers", container_id, "logs/stream/"))

    def get_build_status(self, build_id: str) -> dict[str, Any]:
        """A build: `{id, status, result, error}`."""
        answer: dict[str, Any] = self._get(item_path("builds", build_id))
        return answer

    def stream_build_log(self, build_id: str) -> Iterator[str]:
        """A build's lines as they come, until it ends."""
        yield from self._events(item_path("builds", build_id, "logs/stream/"))

    def wait_for_build(
        self, build_id: str, *, timeout: float = BUILD_SECONDS, poll_interval: float = POLL_SECONDS
    ) -> dict[str, Any]:
        """The container of a build, once its app answers.

        An agent that is away meanwhile is waited for: it goes on with its builds when it is back.

        Raises:
            ContainerBuildError: The build failed or was cancelled (a `RuntimeError`).
            TimeoutError: It took longer; the agent goes on.
            ClientError: The agent does not know the build.
        """
        began = time.monotonic()
        deadline = began + timeout
        while True:
            try:
                build = self.get_build_status(build_id)
            except ClientConnectionError:
                build = {"status": None}
            if build["status"] == BuildStatus.COMPLETED:
                result: dict[str, Any] = build["result"]
                return result
            if build["status"] in {BuildStatus.FAILED, BuildStatus.CANCELLED}:
                raise ContainerBuildError(build.get("error") or f"Build {build_id} was {build['status']}.")
            if time.monotonic() > deadline:
                raise TimeoutError(f"Build {build_id} has not ended in {timeout:g} s. The agent goes on with it.")
            # What takes a moment is not kept waiting for the interval: at most a tenth of what it took so far.
            time.sleep(min(poll_interval, max(MIN_POLL_SECONDS, (time.monotonic() - began) / 10)))

    def _send_wish(self, fields: Mapping[str, Any], plugin_file: str | Path | None) -> dict[str, Any]:
        if plugin_file is None:
            return dict(self._post("containers/", dict(fields)))
        path = existing_file(plugin_file)
        with path.open("rb") as content:
            files = {"file": (path.name, content, "application/zip")}
            call = Call("POST", "containers/", data=form_fields(fields), files=files, is_long=True)
            return dict(self.send_json(call))

    def _events(self, path: str) -> Iterator[str]:
        """The messages of a stream, gone on with where it broke."""
        position = ""
        while True:
            headers = {"Last-Event-ID": position} if position else {}
            call = Call("GET", path, headers=headers, read_timeout_seconds=STREAM_SILENCE_SECONDS)
            with self.stream(call) as response:
                for line in response.iter_lines():
                    if not line.startswith("data: "):
                        continue
                    event = json.loads(line.removeprefix("data: "))
                    if event["type"] != "log":
                        return
                    position = str(event["position"])
                    yield str(event["message"])
