"""uvicorn on a socket that several replicas share: each takes one connection at a time, the least busy one first.

The agent opened the socket and keeps it open, so connections that arrive while replicas are replaced wait in its queue
instead of being refused.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from typing import Any, cast

import uvicorn

from synapse_agent.engines.serving.replica.application import Gate
from synapse_agent.engines.serving.replica.control import ReplicaState
from synapse_agent.engines.serving.replica.joined_writes import JoiningProtocol
from synapse_sdk.plugins.actions.inference import BaseServeDeployment
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeOptions

# A replica that has connections waits this long for each of them before it takes another: an idle one is faster.
YIELD_SECONDS = 0.0001
MAX_YIELD_SECONDS = 0.002
# Callers with an idle connection have this long to hear that they must open another one.
LAST_CALL_SECONDS = 1.0
BEAT_SECONDS = 0.5


class ReplicaServer(uvicorn.Server):
    """One replica's HTTP."""

    def __init__(
        self,
        gate: Gate,
        instance: BaseServeDeployment,
        listener: socket.socket,
        *,
        state: ReplicaState,
        options: ServeOptions,
    ) -> None:
        config = uvicorn.Config(
            cast("Any", gate),
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            lifespan="auto",
            timeout_graceful_shutdown=int(options.graceful_shutdown_timeout_s) or 1,
        )
        super().__init__(config)
        self._gate, self._instance, self._listener = gate, instance, listener
        self._state, self._options = state, options
        self._connecting: set[asyncio.Task[None]] = set()
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 (uvicorn's signature)
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise RuntimeError("The application's own startup failed; its log above says why")
        self.servers = []
        self._listener.setblocking(False)
        await self._ask_health()
        self._beating = asyncio.create_task(self._beat())
        self._loop.add_reader(self._listener, self._accept_soon)
        self.started = True
        self._state.phase = "ready"

    def drain(self) -> None:
        """End when what is being worked on is answered; called from another thread."""
        self._loop.call_soon_threadsafe(self._start_draining)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super()._serve(sockets)

    def _start_draining(self) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        self._state.phase = "draining"
        self._gate.is_draining = True
        self._loop.remove_reader(self._listener)
        last = time.monotonic() + LAST_CALL_SECONDS
        deadline = time.monotonic() + self._options.graceful_shutdown_timeout_s
        # uvicorn keeps the connections, and tells of no change.
        while time.monotonic() < deadline and (  # noqa: ASYNC110
            self._gate.ongoing or (time.monotonic() < last and self.server_state.connections)
        ):
            await asyncio.sleep(0.02)
        self.should_exit = True

    def _accept_soon(self) -> None:
        """A connection waits: take it, or leave a less busy replica the time to."""
        is_alone = self._options.num_replicas == 1
        delay = 0.0 if is_alone else min(len(self.server_state.connections) * YIELD_SECONDS, MAX_YIELD_SECONDS)
        self._loop.remove_reader(self._listener)
        self._loop.call_later(delay, self._accept_one)

    def _accept_one(self) -> None:
        if self._gate.is_draining:
            return
        self._loop.add_reader(self._listener, self._accept_soon)
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # Another replica was faster, or the caller has gone.
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(self._connect(connection))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return JoiningProtocol(protocol)

    async def _beat(self) -> None:
        asked = time.monotonic()
        while True:
            await asyncio.sleep(min(BEAT_SECONDS, self._options.health_check_period_s))
            self._state.ongoing, self._state.served = self._gate.ongoing, self.server_state.total_requests
            if time.monotonic() - asked >= self._options.health_check_period_s:
                await self._ask_health_safely()
                asked = time.monotonic()
            if not self._state.problem:
                self._state.beat = time.monotonic()

    async def _ask_health_safely(self) -> None:
        try:
            await asyncio.wait_for(self._ask_health(), self._options.health_check_timeout_s)
        except Exception as exc:  # noqa: BLE001 - an agent's edge: whatever a plugin's check raises means it is not well.
            self._state.problem = sanitize_error_message(f"{type(exc).__name__}: {exc}")[:500]

    async def _ask_health(self) -> None:
        check = getattr(self._instance, "check_health", None)
        if check is None:
            return
        answer = check()
        if inspect.isawaitable(answer):
            await answer
