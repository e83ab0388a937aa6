"""How a run is reported to have ended: decided from how its process ended, and from what it executed."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import msgspec

from synapse_sdk.wire.experiments import RunOutcome
from web_helper.middleend.worker.child.run_process import RunExit

LAST_BYTES = 4096
LONGEST_LINE = 500


class Outcome(msgspec.Struct, frozen=True):
    """What the server is told. `message` says why, where the run did not complete."""

    status: RunOutcome
    exit_code: int | None = None
    message: str = ""


def outcome_of(ending: RunExit, log: Path, unrecorded: Sequence[str]) -> Outcome:
    """What became of a run.

    Args:
        ending: Of its process.
        log: What it printed.
        unrecorded: What it executed, or would have, and its manifest does not have.
    """
    if ending.reason == "stopped":
        return Outcome(RunOutcome.CANCELLED, ending.exit_code)
    if unrecorded:
        # Whatever came out, it is not what the manifest says it is.
        lacks = f"The run asked for code that its manifest lacks: {'; '.join(unrecorded[:10])}."
        return Outcome(RunOutcome.FAILED, ending.exit_code, lacks)
    return _outcome_of_process(ending, log)


def _outcome_of_process(ending: RunExit, log: Path) -> Outcome:
    if ending.reason == "not_started":
        return Outcome(RunOutcome.FAILED, message=f"Its process could not be started: {ending.message}.")
    if ending.reason == "vanished":
        return Outcome(RunOutcome.CRASHED, message="Its process is gone, and so is the one that kept it.")
    if ending.signal is not None:
        return Outcome(RunOutcome.CRASHED, message=f"It was ended by {_name_of(ending.signal)}.{_last_line(log)}")
    if ending.exit_code:
        return Outcome(RunOutcome.FAILED, ending.exit_code, f"Exit code {ending.exit_code}.{_last_line(log)}")
    return Outcome(RunOutcome.COMPLETED, 0)


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(log: Path) -> str:
    """The last thing that a run said, which is where Python says what was wrong."""
    try:
        with log.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LAST_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = "".join(char for char in lines[-1] if char.isprintable()) if lines else ""
    return f" {kept[:LONGEST_LINE]}" if kept else ""
