"""Containers by Docker, or by Podman through the same API."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from synapse_agent.engines.docker import builds, callers, network
from synapse_agent.engines.docker.connection import Connection
from synapse_agent.engines.docker.protocol import (
    BuildOrder,
    Container,
    ContainerOrder,
    EngineError,
    EngineInfo,
    Image,
    NoContainerError,
    RunState,
    Usage,
)

# Nobody: owns nothing in any image.
USER = "65534:65534"
# A hexadecimal word after the state 0A (listening) names the local port.
_LISTENING = re.compile(r"^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A ", re.MULTILINE)


class DockerEngine:
    """An engine behind a socket.

    Args:
        url: The socket; None for the first usual one that answers.
    """

    def __init__(self, url: str | None = None) -> None:
        self._connection = Connection(url)
        self._warning: str | None = None

    def describe(self) -> EngineInfo:
        version = self._connection.version()
        if self._warning is None:
            self._warning = network.guard_host()
        parts = {part.get("Name") for part in version.get("Components") or ()}
        name = "podman" if "Podman Engine" in parts else "docker"
        return EngineInfo(name, str(version.get("Version")), self._warning)

    def ping(self) -> None:
        with self._connection.api() as api:
            api.ping()

    def find_image(self, reference: str) -> Image | None:
        try:
            with self._connection.api() as api:
                found = api.inspect_image(reference)
        except NoContainerError:
            return None
        return Image(found["Id"], (found.get("Config") or {}).get("Labels") or {})

    def list_images(self, labels: Mapping[str, str]) -> list[Image]:
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with self._connection.api() as api:
            rows = api.images(filters=wanted)
        return [
            Image(row["Id"], row.get("Labels") or {}, tuple(row.get("RepoTags") or ()), float(row.get("Created") or 0))
            for row in rows
        ]

    def build_image(self, order: BuildOrder, write: Callable[[str], None]) -> None:
        self._prepare_network()
        # The engine is silent as long as a step prints nothing.
        api = self._connection.open_for(order.seconds)
        try:
            builds.build(api, order, network.NETWORK, write)
        finally:
            # Whoever hangs up ends the build.
            api.close()

    def forget_image(self, image_id: str) -> None:
        # Refused for one that a container is made of, which is as it should be.
        with suppress(EngineError), self._connection.api() as api:
            api.remove_image(image_id)

    def create(self, order: ContainerOrder) -> str:
        self._prepare_network()
        with self._connection.api() as api:
            made = api.create_container(
                order.image,
                environment=dict(order.env),
                labels=dict(order.labels),
                ports=[order.app_port],
                user=USER,
                command=list(order.command) or None,
                stdin_open=bool(order.command),
                host_config=_host_config(api, order),
            )
        return str(made["Id"])

    def start(self, container_id: str) -> None:
        with self._connection.api() as api:
            api.start(container_id)

    def hand_over(self, container_id: str, content: bytes) -> None:
        with self._connection.api() as api:
            stream = api.attach_socket(container_id, params={"stdin": 1, "stream": 1})
            # The SDK answers a file that cannot write, around the socket that can, and leaves the rest to its end.
            channel = getattr(stream, "_sock", stream)
            try:
                channel.sendall(content)
            finally:
                # In this order: the answer still looks at the other two when it is closed.
                for part in (getattr(stream, "_response", None), stream, channel):
                    if part is not None:
                        part.close()

    def keep_running(self, container_id: str) -> None:
        with self._connection.api() as api:
            api.update_container(container_id, restart_policy={"Name": "unless-stopped"})

    def stop(self, container_id: str, seconds: int) -> None:
        with suppress(NoContainerError), self._connection.api() as api:
            api.stop(container_id, timeout=seconds)

    def pause(self, container_id: str) -> None:
        with self._connection.api() as api:
            api.pause(container_id)

    def unpause(self, container_id: str) -> None:
        try:
            with self._connection.api() as api:
                api.unpause(container_id)
        except EngineError:
            # Docker refuses for one that runs.
            found = self.inspect(container_id)
            if found is None or found.state is not RunState.RUNNING:
                raise

    def remove(self, container_id: str) -> None:
        try:
            with self._connection.api() as api:
                api.remove_container(container_id, force=True, v=True)
        except NoContainerError:
            return
        except EngineError as exc:
            # Somebody else is at it.
            if "already in progress" not in str(exc):
                raise

    def inspect(self, container_id: str) -> Container | None:
        try:
            with self._connection.api() as api:
                found = api.inspect_container(container_id)
        except NoContainerError:
            return None
        state = found["State"]
        return Container(
            id=found["Id"],
            name=found["Name"].lstrip("/"),
            state=_state_of(state.get("Status")),
            labels=found["Config"].get("Labels") or {},
            exit_code=int(state.get("ExitCode") or 0),
            attrs=found,
        )

    def find_labelled(self, labels: Mapping[str, str]) -> list[Container]:
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        with self._connection.api() as api:
            rows = api.containers(all=True, filters=wanted)
        return [
            Container(row["Id"], row["Names"][0].lstrip("/"), _state_of(row.get("State")), row.get("Labels") or {})
            for row in rows
        ]

    def read_log(self, container_id: str, tail: int, since: str = "") -> list[tuple[str, str]]:
        try:
            with self._connection.api() as api:
                raw: bytes = api.logs(container_id, stdout=True, stderr=True, timestamps=True, tail=tail)
        except EngineError as exc:
            if "marked for removal" in str(exc):
                # As good as gone: somebody is at it.
                raise NoContainerError(str(exc)) from exc
            raise
        lines = (line.partition(" ") for line in raw.decode(errors="replace").splitlines())
        # The engine writes times at a fixed width in UTC, so they compare as text.
        return [(moment, text) for moment, _, text in lines if moment > since]

    def listening_ports(self, container_id: str) -> list[int]:
        try:
            with self._connection.api() as api:
                call = api.exec_create(container_id, ["cat", "/proc/net/tcp", "/proc/net/tcp6"], stderr=False)
                text = api.exec_start(call["Id"]).decode(errors="replace")
        except EngineError:
            return []
        return sorted({int(port, 16) for port in _LISTENING.findall(text)})

    def usage(self, container_id: str) -> Usage | None:
        try:
            with self._connection.api() as api:
                stats = api.stats(container_id, stream=False, one_shot=True)
        except EngineError:
            return None
        networks = stats.get("networks") or {}
        if not networks:
            return None
        nanoseconds = ((stats.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage", 0)
        return Usage(sum(int(each.get("rx_bytes", 0)) for each in networks.values()), nanoseconds / 1e9)

    def waiting(self, container_id: str, port: int) -> int | None:
        try:
            found = self.inspect(container_id)
        except EngineError:
            return None
        pid = 0 if found is None else int((found.attrs.get("State") or {}).get("Pid") or 0)
        return callers.unread_bytes(container_id, pid, port)

    def close(self) -> None:
        self._connection.close()

    def _prepare_network(self) -> None:
        with self._connection.api() as api:
            network.ensure_network(api)
        self._warning = network.guard_host()


def _host_config(api: Any, order: ContainerOrder) -> Any:
    import docker.types

    return api.create_host_config(
        port_bindings={order.app_port: (order.host_address, order.host_port)},
        network_mode=network.NETWORK,
        mem_limit=order.memory_bytes,
        # No swap beyond it: an app that leaks is stopped and does not slow down the machine.
        memswap_limit=order.memory_bytes,
        nano_cpus=int(order.cpus * 1e9),
        pids_limit=order.processes,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        read_only=True,
        tmpfs={
            folder: f"rw,exec,nosuid,nodev,size={size},uid=65534,gid=65534" for folder, size in order.scratch.items()
        },
        # Without it the app is process 1, which ignores the request to end.
        init=True,
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": str(order.log_bytes), "max-file": "2"}),
        device_requests=(
            [docker.types.DeviceRequest(count=order.gpus, capabilities=[["gpu"]])] if order.gpus else None
        ),
    )


def _state_of(text: str | None) -> RunState:
    # Podman has more words for what is not running yet.
    return RunState(text) if text in set(RunState) else RunState.CREATED
