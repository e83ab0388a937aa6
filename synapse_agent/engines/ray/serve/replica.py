"""One replica on Ray Serve: the same class with the same routes as in a process of the agent's own host.

`build` is what Ray Serve imports, on a node of the cluster; what to serve lies in a file of the release's package,
since everything else about an application is shown to whoever can open Ray's dashboard.
"""

from __future__ import annotations

import inspect
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from ray import serve
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.lifespan.on import LifespanOn

from synapse_agent.engines.serving.process import private_bytes
from synapse_agent.engines.serving.replica.application import Asgi, Receive, Scope, Send, make_application
from synapse_agent.engines.serving.replica.instance import make_instance
from synapse_sdk.plugins.actions.inference.model_token import HEADER, KEY_VARIABLE, current_token
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeDeploy

ORDER = ".synapse_replica.json"
MEMORY_SECONDS = 0.5
_LAST_WORDS = Path(".synapse_last_words")


class ReplicaError(Exception):
    """A replica cannot serve, and another one could not either.

    What is between the marks is told to people; what Ray says around it is for Ray's own log.
    """

    def __init__(self, revision: int, words: str) -> None:
        super().__init__(f"<synapse:{revision}:{words}:synapse>")


class Replica:
    """Answers requests with an instance of the plugin's class."""

    # Ray Serve awaits it: what a model makes in its constructor may need a loop.
    async def __init__(self) -> None:  # type: ignore[misc]
        spec, revision = _take_order()
        self._prefix = spec.route_prefix
        try:
            self._watch = _MemoryWatch(spec.resources.memory, revision)
            self._instance = make_instance(spec)
            self._app = make_application(self._instance)
            await self._start_lifespan()
        # A replica's edge: the agent is told in a line why there is none, whatever the plugin raised.
        except BaseException as exc:
            if isinstance(exc, ReplicaError):
                raise
            traceback.print_exc()
            words = sanitize_error_message(f"{type(exc).__name__}: {exc}")[:1_000]
            raise ReplicaError(revision, f"A replica ended: {words}") from None
        self._watch.is_starting = False

    async def __call__(self, _request: Request) -> Response:
        return _Answer(self._answer)

    async def check_health(self) -> None:
        """Asked in the loop of the plugin's code, so that one that hangs is noticed."""
        check = getattr(self._instance, "check_health", None)
        answer = check() if check is not None else None
        if inspect.isawaitable(answer):
            await answer

    def __del__(self) -> None:
        # Ray Serve calls this when a replica has drained: whatever the model started ends with it.
        _end_children()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            path = path[len(self._prefix) :] or "/"
        token = next((value for name, value in scope["headers"] if name == HEADER.encode()), b"")
        current_token.set(token.decode("latin-1"))
        await self._app({**scope, "path": path, "root_path": self._prefix}, receive, send)

    async def _start_lifespan(self) -> None:
        app: Any = self._app
        self._lifespan = LifespanOn(uvicorn.Config(app, lifespan="auto", log_level="warning"))
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("The application's own startup failed; its log above says why")


class _Answer(Response):
    """A response that an ASGI application writes."""

    def __init__(self, app: Asgi) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


class _MemoryWatch:
    """Ends a replica that holds more than it may: to Ray, memory is what it plans with, not a limit.

    Attributes:
        is_starting: Whether it has never been ready; then the next one says why, instead of trying the same again.
    """

    def __init__(self, limit: int | None, revision: int) -> None:
        self.is_starting = True
        if limit is None:
            return
        if _LAST_WORDS.exists():
            raise ReplicaError(revision, _LAST_WORDS.read_text())
        self._limit = limit
        threading.Thread(target=self._look, name="memory", daemon=True).start()

    def _look(self) -> None:
        while True:
            pids = [os.getpid(), *_children()]
            if sum(private_bytes(pid) for pid in pids) > self._limit:
                words = f"A replica used more than its memory of {self._limit} bytes"
                sys.stderr.write(f"{words}\n")
                if self.is_starting:
                    _LAST_WORDS.write_text(words)
                _end_children()
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(MEMORY_SECONDS)


def build(_args: dict[str, Any]) -> Any:
    """The application; how many replicas there are and what each needs is in its declaration."""
    return serve.deployment(name="replica")(Replica).bind()


def _take_order() -> tuple[ServeDeploy, int]:
    order = msgspec.json.decode(Path(ORDER).read_bytes())
    os.environ[KEY_VARIABLE] = order["key"]
    return ServeDeploy.model_validate(order["spec"]), order["revision"]


def _children() -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = parents.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _end_children() -> None:
    for pid in _children():
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
