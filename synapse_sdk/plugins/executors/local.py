"""Runs actions on this machine: in a child process of their own, or, for tests and debuggers, in this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import ExecutionError, PluginError
from synapse_sdk.loggers import ConsoleLogger
from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.context import PluginEnvironment, RuntimeContext
from synapse_sdk.plugins.discovery import load_entrypoint, named_as_configured
from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.job_protocol import RunRequest
from synapse_sdk.utils.auth import read_env

STOP_SECONDS = 30.0
_STDERR = 2


class LocalExecutor:
    """Runs an action in a child process, so that its crash, its packages and its memory stay its own.

    What the action prints goes to this process's stderr: stdout stays free for the result.

    Args:
        env: Variables for the child, beside those of this process.
        job_id: The job on the server that the run reports to.
        working_dir: The plugin's folder, where its modules are found; the current one when None.
        python: Interpreter that has the plugin's requirements; this one when None.
        action_name: Name of the action in config.yaml.
        config: The action's section of config.yaml.
        stop_seconds: How long an interrupted action may take to roll back.
        console: File descriptor that takes all that the action prints; stderr when None.
    """

    def __init__(
        self,
        env: Mapping[str, Any] | None = None,
        job_id: str | None = None,
        *,
        working_dir: str | Path | None = None,
        python: str | Path | None = None,
        action_name: str | None = None,
        config: Mapping[str, Any] | None = None,
        stop_seconds: float = STOP_SECONDS,
        console: int | None = None,
    ) -> None:
        self._env = {key: str(value) for key, value in (env or {}).items()}
        self._job_id = job_id
        self._working_dir = Path(working_dir) if working_dir else Path.cwd()
        self._python = str(python or sys.executable)
        self._action_name = action_name
        self._config = dict(config or {})
        self._stop_seconds = stop_seconds
        self._console = console
        self._process: subprocess.Popen[bytes] | None = None

    def execute(self, action: type[BaseAction[Any]] | str, params: Mapping[str, Any], **_: Any) -> Any:
        """Run an action and wait for its result.

        Args:
            action: Its class, or its entrypoint.
            params: Raw parameters; the child validates them.

        Raises:
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed, or its process died.
        """
        entrypoint = action if isinstance(action, str) else entrypoint_of(action)
        name = self._action_name or entrypoint.replace(":", ".").rpartition(".")[2]
        with tempfile.TemporaryDirectory(prefix="synapse-run-") as folder:
            result_file = Path(folder) / "result.json"
            request = RunRequest(
                entrypoint, dict(params), self._action_name, self._config, self._job_id, result_file=result_file
            )
            status = self._run(self._child_env() | request.to_env(Path(folder)))
            if result_file.exists():
                return job_protocol.decode_outcome(result_file.read_bytes(), name)
        raise ExecutionError(f"Action {name!r} {_ending(status)}", {"exit_status": status})

    def stop(self) -> None:
        """From another thread: end the action that runs, which may roll back first."""
        if self._process is not None:
            self._stop(self._process)

    def _child_env(self) -> dict[str, str]:
        inherited = {
            key: value
            for key, value in read_env().items()
            # An action that runs another must not hand on its own request or its own job.
            if not key.startswith(job_protocol.PREFIX) and key not in {job_protocol.JOB_ID, job_protocol.RAY_JOB_ID}
        }
        return inherited | {"PYTHONUNBUFFERED": "1"} | self._env

    def _run(self, env: Mapping[str, str]) -> int:
        lifeline, held = os.pipe()
        try:
            process = self._process = self._start({**env, job_protocol.LIFELINE: str(lifeline)}, lifeline)
        finally:
            os.close(lifeline)
        try:
            return process.wait()
        except BaseException:
            self._stop(process)
            raise
        finally:
            os.close(held)

    def _start(self, env: Mapping[str, str], lifeline: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the interpreter and the module are ours.
                [self._python, "-m", job_protocol.ENTRYPOINT_MODULE],
                cwd=self._working_dir,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=_STDERR if self._console is None else self._console,
                stderr=self._console,
                pass_fds=(lifeline,),
                # Ctrl-C in the terminal reaches this process only, which then stops the whole group, once.
                start_new_session=True,
            )
        except OSError as exc:
            raise ExecutionError(f"{self._python} cannot be started in {self._working_dir}: {exc.strerror}") from exc

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        for signal_number, seconds in ((signal.SIGINT, self._stop_seconds), (signal.SIGKILL, None)):
            # A second Ctrl-C ends the waiting, however quickly it comes.
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal_number)
                process.wait(seconds)
                return


class InlineExecutor:
    """Runs an action in this process, where a debugger and a test can see it.

    Args:
        ctx: What the action is given; a console logger and no clients when None.
        working_dir: The plugin's folder.
        action_name: Name of the action in config.yaml.
    """

    def __init__(
        self,
        ctx: RuntimeContext | None = None,
        *,
        working_dir: str | Path | None = None,
        action_name: str | None = None,
    ) -> None:
        self._ctx = ctx
        self._folder = Path(working_dir) if working_dir else None
        self._action_name = action_name

    def execute(self, action: type[BaseAction[Any]] | str, params: Mapping[str, Any], **_: Any) -> Any:
        """Run an action.

        Raises:
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed; its exception is the cause.
        """
        name = self._action_name or (action if isinstance(action, str) else action.__name__)
        ctx = self._ctx or RuntimeContext(ConsoleLogger(), PluginEnvironment())
        try:
            action_class = load_entrypoint(action, self._folder) if isinstance(action, str) else action
            return named_as_configured(action_class, self._action_name, None).dispatch(params, ctx)
        except PluginError:
            raise
        except Exception as exc:
            raise ExecutionError(f"Action {name!r} failed: {exc or type(exc).__name__}") from exc
        finally:
            if self._ctx is None:
                ctx.logger.finish()


def entrypoint_of(action: type[BaseAction[Any]]) -> str:
    """The entrypoint by which another process finds an action's class.

    Raises:
        ExecutionError: It cannot be imported there.
    """
    if action.__module__ == "__main__" or "<locals>" in action.__qualname__:
        raise ExecutionError(
            f"{action.__name__} cannot be run in a child process: it is not at the top of a module that can be "
            "imported. Move it into one, or use InlineExecutor"
        )
    return f"{action.__module__}:{action.__qualname__}"


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status} and without a result; its output above may say why"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    hint = " (the machine may have run out of memory)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
