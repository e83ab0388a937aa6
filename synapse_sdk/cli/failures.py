"""Turns an error into what a person reads: what happened, and what to do next. Never a stack trace, never a token.

Exit codes of every command: 0 done, 1 failed (the data, the server, this machine), 2 the command line is wrong,
130 interrupted with Ctrl-C.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import Any

from synapse_sdk import exceptions as errors
from synapse_sdk.cli.output import plain, say
from synapse_sdk.utils.auth import read_env

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class UsageError(errors.SynapseError):
    """The options of a command do not make sense, alone or together; exit code 2."""

    code = "USAGE"


_NEXT_STEPS: dict[type[Exception], str] = {
    errors.ClientConnectionError: "Start a server with `synapse up`, or name another with --host or SYNAPSE_HOST.",
    errors.ClientTimeoutError: "Try again; `synapse doctor` shows whether the server answers.",
    errors.AuthenticationError: "Store a valid token with `synapse login`, or pass one with --token.",
    errors.AuthorizationError: "Ask the project's administrator for a higher role, or use a token with more scopes.",
    errors.NotFoundError: "Check the id or name; what your token may not see looks the same as what does not exist.",
    errors.RateLimitError: "Wait a little and try again.",
    errors.ServerError: "Look at the server's log for this request id, or ask its administrator.",
}


def next_step(exc: BaseException) -> str | None:
    """What a person can do about an error, or None when its message already says it."""
    return next((_NEXT_STEPS[kind] for kind in type(exc).__mro__ if kind in _NEXT_STEPS), None)


def message_of(exc: BaseException) -> str:
    """The error in one or a few lines, without a status code where the words say it."""
    if isinstance(exc, errors.ClientError):
        return _client_message(exc)
    return str(exc) or type(exc).__name__


def report_error(exc: BaseException) -> None:
    """Print an error and its next step to stderr; with SYNAPSE_DEBUG also where it came from."""
    if is_debugging():
        say("".join(traceback.format_exception(exc)).rstrip())
    print_error(message_of(exc), next_step(exc))


def report_unexpected(exc: Exception) -> None:
    """Print an error that nobody foresaw: a defect of ours."""
    if is_debugging():
        say("".join(traceback.format_exception(exc)).rstrip())
    print_error(
        f"Unexpected {type(exc).__name__}: {exc}",
        "This is a defect. Run again with SYNAPSE_DEBUG=1 and report what it prints.",
    )


def print_error(message: str, step: str | None = None) -> None:
    """Print one clear message, and the next step under it."""
    lines = [plain(line) for line in message.splitlines()] or [""]
    say("\n".join([f"Error: {lines[0]}", *(f"  {line}" for line in lines[1:])]), style="red")
    if step:
        say(f"  {step}")


def is_debugging() -> bool:
    """Whether the person asked for stack traces."""
    return bool(read_env().get("SYNAPSE_DEBUG"))


def _client_message(exc: errors.ClientError) -> str:
    if exc.error:
        return _server_message(exc.error, exc.detail.get("meta"), is_fault=isinstance(exc, errors.ServerError))
    if exc.detail:
        return exc.reason
    return f"The server answered with status {exc.status_code}." if exc.status_code else "The server did not answer."


def _server_message(error: Mapping[str, Any], meta: Any, *, is_fault: bool) -> str:
    said = str(error.get("message") or error.get("code"))
    details = [item for item in error.get("details") or [] if isinstance(item, Mapping)]
    # What is wrong with one field alone is the message already.
    more = [item for item in details if str(item.get("message")) not in said]
    lines = [said, *(f"{item.get('field')}: {item.get('message')}" for item in more)]
    if is_fault and isinstance(meta, Mapping):
        lines.append(f"request id {meta.get('request_id')}")
    return "\n".join(lines)
