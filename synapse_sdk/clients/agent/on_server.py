"""The playground by the server: containers of all agents, for whoever has an access token, as an agent's own client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2

from synapse_sdk.clients.agent.container import ContainerClientMixin
from synapse_sdk.clients.backend.transport import Params, item_path
from synapse_sdk.clients.base import Call
from synapse_sdk.utils.retry import RetryPolicy
from synapse_sdk.wire.containers import ContainerWish

_PATHS = {"containers/": "v2/playground-containers/", "builds/": "v2/playground-builds/"}
_WISHES = {
    ContainerWish.RUNNING: "start/",
    ContainerWish.RESTARTED: "restart/",
    ContainerWish.PAUSED: "pause/",
    ContainerWish.STOPPED: "stop/",
}


class PlaygroundClient(ContainerClientMixin):
    """Containers of all agents of a server. Ids are the server's (`3-12`), and `url` is where the app is for people.

    Args:
        base_url: Address of the server.
        access_token: A `syn_…` key.
        timeout: `{"connect": seconds, "read": seconds}` or one number for both.
        retry: When failed requests are repeated.
        transport: Carries the requests; stays the caller's.

    Raises:
        ConfigurationError: `base_url` is not an http(s) address.
    """

    def __init__(
        self,
        base_url: str,
        access_token: str,
        *,
        timeout: Mapping[str, float] | float | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {"Synapse-Access-Token": f"Token {access_token}"}
        super().__init__(base_url, headers=headers, timeout=timeout, retry=retry, transport=transport)

    def list_containers(self, params: Params | None = None, *, list_all: bool = False) -> Any:
        """All containers: `{results, count}`, or `(iterator, count)`.

        Args:
            params: Filters: `status`, `plugin_release`, `model`, `label`, `search`.
            list_all: Answer an iterator; there are no pages.
        """
        rows = self.send_json(Call("GET", "containers/", params=params, is_long=True))
        return (iter(rows), len(rows)) if list_all else {"results": rows, "count": len(rows)}

    def update_container(self, container_id: int | str, *, status: str) -> dict[str, Any]:
        """Start, restart, pause or stop a container: `running`, `restarted`, `paused`, `stopped`."""
        path = item_path("containers", container_id, _WISHES[ContainerWish(status)])
        answer: dict[str, Any] = self.send_json(Call("POST", path, is_long=True, repeatable=True))
        return self.wait_for_build(answer["build_id"]) if "id" not in answer else answer

    def send(self, call: Call) -> httpx2.Response:
        """Send a call to the server's path for it."""
        return super().send(_on_server(call))

    @contextmanager
    def stream(self, call: Call) -> Iterator[httpx2.Response]:
        """Open a stream at the server's path for it."""
        with super().stream(_on_server(call)) as response:
            yield response

    def send_json(self, call: Call) -> Any:
        """What is in the server's envelope, in the shape that an agent answers in."""
        data = super().send_json(_on_server(call))["data"]
        if isinstance(data, dict) and {"container", "build"} == set(data):
            return data["container"] or {"build_id": data["build"]["id"]}
        return data


def _on_server(call: Call) -> Call:
    head, slash, rest = call.url.partition("/")
    path = _PATHS.get(head + slash, head + slash) + rest
    if call.files is not None and not rest:
        path += "upload/"
    return replace(call, url=path)
