"""One replica: `python -m synapse_agent.engines.serving.replica`, started by the agent in the release's environment."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import time
import traceback
from pathlib import Path

import uvloop

from synapse_agent.engines.serving.replica.application import Gate, make_application
from synapse_agent.engines.serving.replica.control import ControlLine, ReplicaState, end_with_group
from synapse_agent.engines.serving.replica.instance import make_instance
from synapse_agent.engines.serving.replica.server import ReplicaServer
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.serve import ServeDeploy

MAX_ERROR_CHARACTERS = 1_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spec", type=Path, required=True, help="file of what to serve")
    parser.add_argument("--control", type=Path, required=True, help="Unix socket on which the agent is heard")
    parser.add_argument("--listener", type=int, required=True, help="listening socket of the application")
    parser.add_argument("--orphan-seconds", type=float, default=30.0, help="how long to go on without an agent")
    options = parser.parse_args()
    try:
        run(ServeDeploy.model_validate_json(options.spec.read_bytes()), options)
    except BaseException as exc:  # noqa: BLE001 - a process's edge: the agent is told why there is no replica.
        if not isinstance(exc, SystemExit) or exc.code:
            traceback.print_exc()
            _leave_word(options.control.with_suffix(".error"), exc)
    sys.stdout.flush()
    sys.stderr.flush()
    # Whatever the model has started ends with it.
    end_with_group()


def run(spec: ServeDeploy, options: argparse.Namespace) -> None:
    """Serve until told to end.

    Raises:
        PluginError: The class cannot be imported.
        ConfigurationError: It is no `BaseServeDeployment`.
    """
    listener = socket.socket(fileno=options.listener)
    state = ReplicaState(beat=time.monotonic())
    servers: list[ReplicaServer] = []
    line = ControlLine(
        options.control, listener, state, drain=lambda: _drain(servers), orphan_seconds=options.orphan_seconds
    )
    line.start()
    uvloop.run(_serve(spec, listener, state, servers))


def _drain(servers: list[ReplicaServer]) -> None:
    # Asked to end before it was ready: there is nothing to finish.
    servers[0].drain() if servers else end_with_group()


async def _serve(spec: ServeDeploy, listener: socket.socket, state: ReplicaState, servers: list[ReplicaServer]) -> None:
    # In the loop: what a model makes in its constructor may need one.
    instance = make_instance(spec)
    gate = Gate(make_application(instance), spec)
    server = ReplicaServer(gate, instance, listener, state=state, options=spec.options)
    servers.append(server)
    await server.serve()


def _leave_word(path: Path, exc: BaseException) -> None:
    text = sanitize_error_message(f"{type(exc).__name__}: {exc}")[:MAX_ERROR_CHARACTERS]
    with (
        contextlib.suppress(OSError),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file,
    ):
        file.write(text)


if __name__ == "__main__":
    main()
