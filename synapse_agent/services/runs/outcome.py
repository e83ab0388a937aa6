"""What the end of a run's processes, and what they left behind, mean for its job: decided here, reported elsewhere."""

from __future__ import annotations

import json
import signal
from typing import Any

from synapse_agent.engines.protocol import EndReason, RunExit
from synapse_sdk.plugins.executors.job_protocol import describe_error
from synapse_sdk.utils.network import sanitize_error_message
from synapse_sdk.wire.agents import ExitKind, RunEnding
from synapse_sdk.wire.jobs import JobStatus

MAX_ERROR_CHARACTERS = 10_000
STOP_NOTE = "It was stopped."
NO_RESULT = "It ended without a result (exit status {code}): nothing says that its work is complete."


def left_out(size_bytes: int) -> str:
    """What stands in a console where its middle was."""
    return f"[{size_bytes:,} bytes of output were left out here: it printed too much]"


def classify_outcome(ended: RunExit, left: bytes | None, *, build_steps: int, limits: str) -> RunEnding:
    """How a job ended.

    Args:
        ended: How its processes ended.
        left: What the last process left as its outcome; None when nothing.
        build_steps: How many of the first commands only prepared the environment.
        limits: The run's limits in words.
    """
    forced = _forced_end(ended, limits)
    return forced or _own_end(ended, _decode(left), build_steps)


def _own_end(ended: RunExit, outcome: dict[str, Any], build_steps: int) -> RunEnding:
    if ended.step < build_steps:
        reason = str((outcome.get("error") or {}).get("message") or "Its environment could not be built.")
        return failed(ExitKind.BUILD_FAILED, reason, code=ended.exit_code)
    if ended.signal is not None:
        return failed(ExitKind.SIGNAL, _explain_signal(ended.signal), code=128 + ended.signal)
    if outcome.get("error"):
        error = outcome["error"]
        kind = ExitKind.SYS_EXIT if error.get("type") == "SystemExit" else ExitKind.EXCEPTION
        return failed(kind, f"It {describe_error(error)}", code=ended.exit_code)
    if "result" not in outcome:
        return failed(ExitKind.NO_RESULT, NO_RESULT.format(code=ended.exit_code), code=ended.exit_code)
    return _returned(outcome["result"], ended)


def failed(kind: ExitKind, reason: str, *, code: int | None = None) -> RunEnding:
    """A failure with a reason that holds no secrets."""
    reason = sanitize_error_message(reason)[:MAX_ERROR_CHARACTERS]
    return RunEnding(status=JobStatus.FAILED, exit_kind=kind, exit_code=code, error=reason)


def _forced_end(ended: RunExit, limits: str) -> RunEnding | None:
    if ended.reason is EndReason.STOPPED:
        return RunEnding(status=JobStatus.STOPPED, exit_kind=ExitKind.STOPPED, error=STOP_NOTE)
    if ended.reason is EndReason.TIME_LIMIT:
        return failed(ExitKind.TIME_LIMIT, f"It took longer than it may and was ended ({limits}).")
    if ended.reason is EndReason.MEMORY_LIMIT:
        return failed(ExitKind.MEMORY_LIMIT, f"It held more memory than it may and was killed ({limits}).")
    if ended.reason is EndReason.NOT_STARTED:
        return failed(ExitKind.RELEASE_UNUSABLE, f"Its process could not be started: {ended.message}.")
    if ended.reason is EndReason.VANISHED:
        return failed(
            ExitKind.LOST,
            "Its processes are gone, and what watched over them too: the machine was restarted, or someone killed "
            "both. Run it again.",
        )
    return None


def _returned(result: Any, ended: RunExit) -> RunEnding:
    # A result that calls itself failed (ToTaskResult, when no task succeeded) is one.
    says_failed = isinstance(result, dict) and str(result.get("status", "")).lower() == JobStatus.FAILED
    message = result.get("message") if says_failed else None
    return RunEnding(
        status=JobStatus.FAILED if says_failed else JobStatus.SUCCEEDED,
        exit_kind=ExitKind.RETURNED,
        exit_code=ended.exit_code,
        error=sanitize_error_message(str(message or "Its result says that it failed.")) if says_failed else None,
        result=result,
    )


def _decode(left: bytes | None) -> dict[str, Any]:
    try:
        outcome = json.loads(left) if left else {}
    except ValueError:
        return {}
    return outcome if isinstance(outcome, dict) else {}


def _explain_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    hint = "; the machine may have run out of memory" if number == signal.SIGKILL else ""
    return f"It was killed by {name}{hint}."
