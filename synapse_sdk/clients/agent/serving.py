"""Serve applications and capacity of an agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import httpx2

from synapse_sdk.clients.backend.transport import V1Transport, item_path
from synapse_sdk.clients.base import Call, decode_json
from synapse_sdk.exceptions import ClientConnectionError
from synapse_sdk.utils.network import is_loopback
from synapse_sdk.wire.serve import ServeDeploy

# A model may take long over one request.
INFER_SECONDS = 600.0
# Well within the life of the token that names a model.
ACCESS_SECONDS = 300.0
MODEL_HEADER = "serve_multiplexed_model_id"


@dataclass(frozen=True)
class _Access:
    """Where an application is asked, and the token that names the model."""

    url: str
    headers: Mapping[str, str]
    expires: float


class ServingClientMixin(V1Transport):
    """What an agent serves, and whether more would fit."""

    def check_feasibility(self, kind: str = "serve", **wish: Any) -> dict[str, Any]:
        """Whether something would fit now.

        Args:
            kind: What for: serve, job or task.
            **wish: `num_cpus`, `num_gpus`, `memory` (bytes), `num_replicas`, and `name`, an application to be replaced.

        Returns:
            `{allowed, reasons: [{resource, requested, available}]}`.

        Raises:
            ClientError: The agent could not be reached, or refused.
        """
        body = {key: value for key, value in wish.items() if value is not None}
        answer: dict[str, Any] = self._post("capacity/check/", {"kind": kind, **body}, repeatable=True)
        return answer

    def list_serve_applications(self) -> Any:
        return self._get("serve_applications/")

    def get_serve_application(self, name: str) -> Any:
        return self._get(item_path("serve_applications", name))

    def deploy_serve_application(self, data: ServeDeploy | Mapping[str, Any]) -> Any:
        """Serve a deployment class, or replace what runs under its name. The same again changes nothing.

        Raises:
            ConflictError: It does not fit.
        """
        return self._post("serve_applications/", data, repeatable=True)

    def delete_serve_application(self, name: str) -> Any:
        return self.send_json(Call("DELETE", item_path("serve_applications", name)))

    def get_serve_application_logs(self, name: str) -> str:
        """What the replicas of an application have printed lately."""
        return self.send(Call("GET", item_path("serve_applications", name, "logs/"))).text

    def infer_serve_application(
        self,
        name: str,
        *,
        model: Mapping[str, Any] | None = None,
        find_model: tuple[str, Callable[[], Mapping[str, Any]]] | None = None,
        method: str = "post",
        path: str = "/",
        json: Any = None,
    ) -> Any:
        """Ask an application, on this machine directly, elsewhere through its agent.

        Args:
            name: `code@version`.
            model: The model's facts as the server tells them; None when the application needs none.
            find_model: In place of `model`: its id, and what fetches its facts, called every few minutes at most.
            method: HTTP method.
            path: Route below the application's prefix.
            json: Body of the request.

        Raises:
            NotFoundError: The application is not deployed.
            ClientError: It could not be reached, or answered with an error.
        """
        key, find = find_model or (str(model.get("id")) if model else "", partial(_given, model))
        access = self._access_to(name, key, find)
        call = Call(
            method.upper(),
            access.url + path,
            json=json,
            headers=access.headers,
            is_signed=True,
            read_timeout_seconds=INFER_SECONDS,
        )
        try:
            return self._ask(call)
        except ClientConnectionError:
            # A replica that ends closes its idle connections, and a new agent may have another port: once more, fresh.
            self._forget_access(name)
            access = self._access_to(name, key, find)
            return self._ask(Call(**{**vars(call), "url": access.url + path, "headers": access.headers}))

    def _ask(self, call: Call) -> Any:
        response: httpx2.Response = self.send(call)
        return decode_json(response.content, response.status_code, call.label) if response.content else None

    def _access_to(self, name: str, model_id: str, find: Callable[[], Mapping[str, Any] | None]) -> _Access:
        cache: dict[Any, _Access] = self.__dict__.setdefault("_accesses", {})
        # Threads that need it at once ask for it once; the others wait for that answer.
        with self.__dict__.setdefault("_access_lock", Lock()):
            access = cache.get((name, model_id))
            if access is None or access.expires < time.monotonic():
                access = self._fetch_access(name, find())
                cache[name, model_id] = access
        return access

    def _fetch_access(self, name: str, model: Mapping[str, Any] | None) -> _Access:
        body = {"model": dict(model)} if model else {}
        answer = self._post(item_path("serve_applications", name, "access/"), body, repeatable=True)
        is_here = is_loopback(self.base_url) and is_loopback(answer["endpoint"])
        url = answer["endpoint"] if is_here else f"{self.base_url}/serve{answer['route_prefix']}"
        headers = {MODEL_HEADER: answer["token"]} if answer.get("token") else {}
        return _Access(url, headers, time.monotonic() + ACCESS_SECONDS)

    def _forget_access(self, name: str) -> None:
        cache: dict[Any, _Access] = self.__dict__.setdefault("_accesses", {})
        with self.__dict__.setdefault("_access_lock", Lock()):
            for key in [key for key in cache if key[0] == name]:
                del cache[key]


def _given(model: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return model
