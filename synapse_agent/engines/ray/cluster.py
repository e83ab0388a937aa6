"""The agent's one door to Ray: its dashboard's HTTP. Nothing of Ray is imported, so any version of a cluster will do.

The agent is no driver of the cluster: a head that dies takes nothing of the agent with it, and every call has its time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2

CONNECT_SECONDS, READ_SECONDS, UPLOAD_SECONDS = 3.0, 20.0, 120.0
DEFAULT_PORT = 8265
MAX_REASON_CHARACTERS = 300
MAX_ACTORS = 1_000


class RayAwayError(OSError):
    """The Ray cluster does not answer."""


class RayRefusedError(OSError):
    """The Ray cluster refused."""


class RayCluster:
    """One cluster, by the address of its dashboard.

    Args:
        address: `http://host:port`, `host:port`, or `auto` for a cluster of this machine.
        token: What the cluster's owner set as its authentication token; None where there is none.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        self.url = dashboard_url(address)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.headers: Mapping[str, str] = headers
        self._http = httpx2.Client(base_url=self.url, headers=headers, trust_env=False)

    def close(self) -> None:
        """Let go of its connections."""
        self._http.close()

    @property
    def host(self) -> str:
        """Where the head is."""
        return urlsplit(self.url).hostname or "127.0.0.1"

    def job(self, job_id: str) -> dict[str, Any] | None:
        """What the cluster knows of a job; None where it knows none of this id.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        found = self._ask(f"/api/jobs/{quote(job_id, safe='')}")
        return None if found is None else dict(found.json())

    def submit(self, job: Mapping[str, Any]) -> None:
        """Start a job.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused; also where there is a job of this id already.
        """
        self._send("POST", "/api/jobs/", json=dict(job))

    def stop(self, job_id: str) -> None:
        """Ask a job to end.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        self._send("POST", f"/api/jobs/{quote(job_id, safe='')}/stop")

    def job_log(self, job_id: str) -> str:
        """All that a job has printed.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        found = self._ask(f"/api/jobs/{quote(job_id, safe='')}/logs")
        return "" if found is None else str(found.json().get("logs") or "")

    def keep_package(self, content: bytes) -> str:
        """Hand a zip over, once per content; answers the address by which a runtime environment names it.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused, such as a package that is too large.
        """
        name = f"_ray_pkg_{hashlib.sha256(content).hexdigest()[:32]}.zip"
        path = f"/api/packages/gcs/{name}"
        if self._ask(path) is None:
            self._send("PUT", path, content=content, timeout=UPLOAD_SECONDS)
        return f"gcs://{name}"

    def serve_details(self) -> dict[str, Any]:
        """What Ray Serve runs, and how it is.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        details: dict[str, Any] = self._send("GET", "/api/serve/applications/").json()
        return details

    def put_applications(self, config: Mapping[str, Any]) -> None:
        """Make Ray Serve run these applications, and no other that was declared before.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        self._send("PUT", "/api/serve/applications/", json=dict(config), timeout=UPLOAD_SECONDS)

    def actor_log(self, actor_id: str, suffix: str, lines: int) -> str:
        """The end of what an actor's process printed; empty where that is not to be had.

        Raises:
            RayAwayError: It does not answer.
        """
        query = {"actor_id": actor_id, "suffix": suffix, "lines": str(lines)}
        try:
            return self._send("GET", "/api/v0/logs/file", params=query).text
        except RayRefusedError:
            # Such as of an actor that has not been started yet.
            return ""

    def actors(self, class_name: str) -> list[dict[str, Any]]:
        """What the cluster knows of the actors of a class, those that have ended among them.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        chosen = {"filter_keys": "class_name", "filter_predicates": "=", "filter_values": class_name}
        answer = self._send("GET", "/api/v0/actors", params={"detail": "1", "limit": str(MAX_ACTORS), **chosen}).json()
        return list(((answer.get("data") or {}).get("result") or {}).get("result") or ())

    def usage_by_node(self, timeout_seconds: float = READ_SECONDS) -> dict[str, dict[str, tuple[float, float]]]:
        """What each node has: `{node: {resource: (used, total)}}`; the cluster looks every few seconds.

        Args:
            timeout_seconds: How long the cluster may take to answer.

        Raises:
            RayAwayError: It does not answer.
            RayRefusedError: It refused.
        """
        answer = self._send("GET", "/api/cluster_status", timeout=timeout_seconds).json()
        status = ((answer.get("data") or {}).get("clusterStatus") or {}).get("loadMetricsReport") or {}
        counted = status.get("usageByNode") or {}
        if not counted:
            # The first count comes some seconds after the cluster's start; until then nothing can be in use.
            return {
                node: {name: (0.0, total) for name, total in has.items()}
                for node, has in self._totals(timeout_seconds).items()
            }
        return {node: {name: (used, total) for name, (used, total) in usage.items()} for node, usage in counted.items()}

    def _totals(self, timeout_seconds: float) -> dict[str, dict[str, float]]:
        answer = self._send("GET", "/api/v0/nodes", params={"detail": "1"}, timeout=timeout_seconds).json()
        nodes = ((answer.get("data") or {}).get("result") or {}).get("result") or ()
        alive = [node for node in nodes if node.get("state") == "ALIVE"]
        return {node["node_id"]: node.get("resources_total") or {} for node in alive}

    def _ask(self, path: str) -> httpx2.Response | None:
        try:
            return self._send("GET", path)
        except RayRefusedError as exc:
            if exc.errno == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _send(self, method: str, path: str, *, timeout: float = READ_SECONDS, **options: Any) -> httpx2.Response:
        limits = httpx2.Timeout(timeout, connect=CONNECT_SECONDS)
        try:
            answer = self._http.request(method, path, timeout=limits, **options)
        except httpx2.TransportError as exc:
            kind = type(exc).__name__
            raise RayAwayError(f"the Ray cluster at {self.url} does not answer ({kind})") from exc
        if answer.status_code >= HTTPStatus.BAD_REQUEST:
            said = _reason(answer.text)
            raise RayRefusedError(answer.status_code, f"the Ray cluster refused ({answer.status_code}): {said}")
        return answer


def dashboard_url(address: str) -> str:
    """The address of a cluster's dashboard.

    Args:
        address: As a person writes it.
    """
    if address == "auto":
        return f"http://127.0.0.1:{DEFAULT_PORT}"
    return (address if "://" in address else f"http://{address}").rstrip("/")


def _reason(text: str) -> str:
    # What Ray answers to a mistake is a trace of its own; the last line says what it was.
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    return (lines[-1] if lines else "it did not say why")[:MAX_REASON_CHARACTERS]
