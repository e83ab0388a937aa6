"""Runs one action in a process of its own: `python -m synapse_sdk.plugins.entrypoint`.

The request comes through the environment (`executors.job_protocol`). A stop (SIGTERM, Ctrl-C, or the end of the process
that asked) is raised inside the action, so that its steps are rolled back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from synapse_sdk.clients.agent import AgentClient
from synapse_sdk.loggers import BaseLogger, ConsoleLogger, JobLogger
from synapse_sdk.loggers.outbox import without_secrets
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.discovery import load_entrypoint, named_as_configured
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.utils.auth import (
    ENV_RUN_AGENT_TOKEN,
    ENV_RUN_AGENT_URL,
    ENV_RUN_USER_TOKEN,
    Credentials,
    create_backend_client,
    create_backend_v2_client,
    load_credentials,
    read_env,
)
from synapse_sdk.utils.retry import NO_RETRY, RetryPolicy

EXIT_FAILED = 1
ROLLBACK_SECONDS = 30.0
SPOOLED_WAIT_SECONDS = 2.0
# A run of an agent outlasts five minutes of a server, or of its agent, that is being restarted or updated.
RUN_RETRY = RetryPolicy(retries=40, max_wait_seconds=10.0)


def main() -> int:
    """Run the action that the environment asks for; the exit status is 0 when it succeeded."""
    signal.signal(signal.SIGTERM, _stop)
    env = read_env()
    if job_protocol.LIFELINE in env:
        threading.Thread(target=_stop_with_parent, args=(int(env[job_protocol.LIFELINE]),), daemon=True).start()
    result_file = env.get(job_protocol.RESULT_FILE)
    try:
        env = {**env, **job_protocol.read_env_file(env)}
        # A result is kept where many may read it.
        outcome = without_secrets(run_request(RunRequest.from_env(env), env), run_keys(env))
    except BaseException as exc:  # A stop is an outcome too: the parent learns that it was one.
        if isinstance(exc, Exception) and not job_protocol.is_expected(exc):
            traceback.print_exc()
        elif not result_file:
            sys.stderr.write(f"{exc}\n")
        _hand_over(job_protocol.encode_error(exc), result_file)
        if isinstance(exc, SystemExit):
            raise
        return 128 + signal.SIGINT if isinstance(exc, KeyboardInterrupt) else EXIT_FAILED
    if not result_file:
        sys.stdout.write(job_protocol.result_between_markers(outcome) + "\n")
    _hand_over(outcome, result_file)
    return 0


def run_request(request: RunRequest, env: Mapping[str, str]) -> bytes:
    """Run an action in this process.

    Args:
        request: What to run.
        env: Where credentials and the plugin's settings come from.

    Returns:
        Its result, encoded.

    Raises:
        PluginError: The action cannot be imported, or its parameters do not fit.
    """
    action_class = named_as_configured(load_entrypoint(request.entrypoint, Path.cwd()), request.action, None)
    ctx = make_context(env, job_id=request.job_id, config=request.config)
    try:
        encoded, odd = job_protocol.encode_result(action_class.dispatch(request.params, ctx))
        if odd:
            names = ", ".join(sorted(set(odd)))
            message = f"The result holds what JSON cannot ({names}); its text is handed over instead"
            ctx.logger.warning(message)
        return encoded
    finally:
        ctx.logger.finish()


def make_context(
    env: Mapping[str, str], *, job_id: str | None = None, config: Mapping[str, Any] | None = None
) -> RuntimeContext:
    """What an action is given: clients when there are credentials, and the job's log when there is a job too."""
    credentials = load_credentials(env=env)
    has_token = credentials.access_token is not None
    retry = RUN_RETRY if job_protocol.SPOOL_FOLDER in env else None
    client = create_backend_client(credentials, retry=retry) if has_token else None
    v2_client = create_backend_v2_client(credentials, retry=retry) if has_token else None
    return RuntimeContext(
        _open_logger(env, credentials, job_id),
        PluginEnvironment(env),
        job_id=job_id,
        client=client,
        v2_client=v2_client,
        agent_client=_open_agent_client(env, credentials.access_token, retry),
        config=config or {},
    )


def _open_logger(env: Mapping[str, str], credentials: Credentials, job_id: str | None) -> BaseLogger:
    if credentials.access_token is None or job_id is None:
        return ConsoleLogger()
    if job_protocol.SPOOL_FOLDER not in env:
        return JobLogger(create_backend_client(credentials), job_id, secrets=run_keys(env))
    # Whoever named the folder sends what is left in it, so the end of the run need not wait for the server. The log
    # comes again later by itself: a client that was patient as well would hold it up.
    return JobLogger(
        create_backend_client(credentials, retry=NO_RETRY),
        job_id,
        spool_folder=Path(env[job_protocol.SPOOL_FOLDER]),
        finish_wait_seconds=SPOOLED_WAIT_SECONDS,
        secrets=run_keys(env),
    )


def run_keys(env: Mapping[str, str]) -> tuple[str, ...]:
    """The keys that this run was given."""
    return tuple(key for name in (ENV_RUN_USER_TOKEN, ENV_RUN_AGENT_TOKEN) if (key := env.get(name)))


def _open_agent_client(env: Mapping[str, str], user_token: str | None, retry: RetryPolicy | None) -> AgentClient | None:
    url, token = env.get(ENV_RUN_AGENT_URL), env.get(ENV_RUN_AGENT_TOKEN)
    return AgentClient(url, token, user_token=user_token, retry=retry) if url and token else None


def _hand_over(outcome: bytes, result_file: str | None) -> None:
    if not result_file:
        return
    path = Path(result_file)
    beside = path.with_suffix(".part")
    beside.write_bytes(outcome)
    beside.replace(path)


def _stop(signal_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal_number)


def _stop_with_parent(lifeline: int) -> None:
    # The parent holds the other end of a pipe; when it is gone, however it went, nobody waits for this run any more.
    # The group is this run's own: its helpers end with it.
    while os.read(lifeline, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)
    threading.Event().wait(ROLLBACK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
