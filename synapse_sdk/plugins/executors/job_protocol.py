"""How a run is handed to a process of its own, and how its result comes back.

Everything goes through the environment, so that an engine elsewhere (a Ray job) can start the same module
(`python -m synapse_sdk.plugins.entrypoint`). The result is printed between markers for whoever reads only the log; a
parent on the same machine names a file instead, which no noise on stdout can spoil.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from synapse_sdk.exceptions import ConfigurationError, ExecutionError, PluginValidationError, SynapseError
from synapse_sdk.utils.network import sanitize_detail, sanitize_error_message

ENTRYPOINT_MODULE = "synapse_sdk.plugins.entrypoint"
PREFIX = "SYNAPSE_ACTION_"
ENTRYPOINT = PREFIX + "ENTRYPOINT"
NAME = PREFIX + "NAME"
PARAMS = PREFIX + "PARAMS"
PARAMS_FILE = PREFIX + "PARAMS_FILE"
CONFIG_FILE = PREFIX + "CONFIG_FILE"
RESULT_FILE = PREFIX + "RESULT_FILE"
# Variables that others must not see: a JSON file, removed once it has been read.
ENV_FILE = PREFIX + "ENV_FILE"
LIFELINE = PREFIX + "LIFELINE_FD"
# Where log entries wait that the server did not take; whoever started the run sends them later.
SPOOL_FOLDER = PREFIX + "SPOOL_FOLDER"
# What a run on Ray prints last, on either stream: whoever shows what it prints has all of it then.
END_MARK = PREFIX + "END_MARK"
JOB_ID = "SYNAPSE_JOB_ID"
RAY_JOB_ID = "RAY_JOB_ID"
RESULT_START, RESULT_END = "__SYNAPSE_RESULT_START__", "__SYNAPSE_RESULT_END__"
# One environment variable may hold 128 KiB on Linux; all of them together with the arguments, a few MiB.
MAX_PARAMS_CHARS = 32_000
# 128 and the number of SIGINT, SIGKILL, SIGTERM: how a process says which signal ended it.
_STOP_STATUSES = frozenset({"130", "137", "143"})


@dataclass(frozen=True)
class RunRequest:
    """What a process of its own is asked to run."""

    entrypoint: str
    params: dict[str, Any] = field(default_factory=dict)
    action: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    job_id: str | None = None
    result_file: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> RunRequest:
        """Read the request.

        Raises:
            ConfigurationError: A variable is missing or holds no JSON object.
        """
        if not env.get(ENTRYPOINT):
            raise ConfigurationError(f"{ENTRYPOINT} is not set; this module is started by an executor")
        return cls(
            entrypoint=env[ENTRYPOINT],
            params=_read_object(env, PARAMS_FILE)
            if PARAMS_FILE in env
            else _parse_object(PARAMS, env.get(PARAMS, "{}")),
            action=env.get(NAME),
            config=_read_object(env, CONFIG_FILE) if CONFIG_FILE in env else {},
            job_id=env.get(JOB_ID) or env.get(RAY_JOB_ID),
            result_file=Path(env[RESULT_FILE]) if RESULT_FILE in env else None,
        )

    def to_env(self, folder: Path) -> dict[str, str]:
        """Write the request: variables, and files in `folder` for what is too large for one."""
        env = {ENTRYPOINT: self.entrypoint}
        params = json.dumps(self.params)
        if len(params) < MAX_PARAMS_CHARS:
            env[PARAMS] = params
        else:
            env[PARAMS_FILE] = _write(folder / ".synapse_params.json", params)
        if self.config:
            env[CONFIG_FILE] = _write(folder / ".synapse_config.json", json.dumps(self.config))
        optional = {NAME: self.action, JOB_ID: self.job_id, RESULT_FILE: self.result_file}
        return env | {key: str(value) for key, value in optional.items() if value}


def encode_result(result: Any) -> tuple[bytes, list[str]]:
    """The result as JSON, and the types in it that had to become text.

    Raises:
        ExecutionError: It refers to itself, or holds text that no encoding can.
    """
    odd: list[str] = []

    def as_text(value: Any) -> str:
        odd.append(type(value).__name__)
        return str(value)

    try:
        return to_json({"result": result}, fallback=as_text, inf_nan_mode="null"), odd
    except ValueError as exc:
        raise ExecutionError(f"The action's result cannot be turned into JSON: {exc}") from exc


def encode_error(exc: BaseException) -> bytes:
    """An exception as JSON: its type, its message, and the type of its first cause; never its trace."""
    cause = exc
    while cause.__cause__ is not None:
        cause = cause.__cause__
    # What a plugin raises may quote its own environment: no key, password or signed address goes on from here.
    facts = {
        "type": type(exc).__name__,
        "code": getattr(exc, "code", None),
        "message": sanitize_error_message(str(exc)),
        "cause": type(cause).__name__,
        "details": sanitize_detail(getattr(exc, "details", {})),
    }
    return to_json({"error": facts}, fallback=str, inf_nan_mode="null")


def is_error(content: bytes) -> bool:
    """Whether an encoded outcome is a failure."""
    return "error" in json.loads(content)


def read_env_file(env: Mapping[str, str]) -> dict[str, str]:
    """The variables that came in a file, which is gone afterwards; none when none is named.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    if ENV_FILE not in env:
        return {}
    found = _read_object(env, ENV_FILE)
    Path(env[ENV_FILE]).unlink(missing_ok=True)
    return {key: str(value) for key, value in found.items()}


def decode_outcome(content: bytes, action: str) -> Any:
    """The result that a process left behind.

    Raises:
        PluginValidationError: The parameters did not fit the action's model.
        ExecutionError: The action failed, or what it left is no outcome.
    """
    try:
        outcome = json.loads(content)
        error = outcome.get("error")
        if error is None:
            return outcome["result"]
    except (ValueError, KeyError, AttributeError) as exc:
        raise ExecutionError(f"Action {action!r} ended without a readable result") from exc
    if error["code"] == PluginValidationError.code:
        raise PluginValidationError(error["message"], error["details"])
    raise ExecutionError(f"Action {action!r} {describe_error(error)}", error)


def describe_error(error: Mapping[str, Any]) -> str:
    """An encoded error in words that go on after the run's name."""
    if error["type"] == "KeyboardInterrupt" or (error["type"] == "SystemExit" and error["message"] in _STOP_STATUSES):
        return "was stopped before its end"
    if error["type"] == "SystemExit":
        return f"called sys.exit({error['message']}) instead of returning a result"
    # A step that failed says so itself, in a plain RuntimeError.
    explains_itself = error["code"] is not None or error["type"] == "RuntimeError"
    return f"failed: {error['message']}" if explains_itself else f"failed: {error['type']}: {error['message']}"


def result_between_markers(result: bytes) -> str:
    """The result as it is printed: an object, in which a bare value has the key `result`."""
    value = json.loads(result)["result"]
    return f"{RESULT_START}\n{json.dumps(value if isinstance(value, dict) else {'result': value})}\n{RESULT_END}"


def is_expected(exc: BaseException) -> bool:
    """Whether an error explains itself, so that a trace would only be noise."""
    return isinstance(exc, SynapseError) or isinstance(exc.__cause__, SynapseError)


def _read_object(env: Mapping[str, str], key: str) -> dict[str, Any]:
    try:
        return _parse_object(key, Path(env[key]).read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"{key} names a file that cannot be read: {exc.strerror}") from exc


def _parse_object(key: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise ConfigurationError(f"{key} is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise ConfigurationError(f"{key} must be a JSON object, not {type(value).__name__}")
    return value


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)
