"""Runs an action of an export: what ends it becomes a message and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from synapse_sdk.cli.failures import EXIT_INTERRUPTED
from synapse_sdk.cli.output import say
from synapse_sdk.exceptions import ExportError, SynapseError
from synapse_sdk.plugins.actions.export.action import BaseExportAction

# Told what ended the run; None when it is complete.
OnEnd = Callable[[BaseException | None], None]


def run_action(action: BaseExportAction[Any], on_end: OnEnd = lambda _outcome: None) -> dict[str, Any]:
    """Run an action and answer its result.

    Raises:
        Exit: It was interrupted.
        SynapseError: It failed.
    """
    try:
        result: dict[str, Any] = action.run()
    except KeyboardInterrupt as exc:
        say("Interrupted. Nothing is left of this export in its folder.")
        on_end(exc)
        # As a shell tells a signal: 130 for Ctrl-C.
        raise typer.Exit(128 + exc.args[0] if exc.args else EXIT_INTERRUPTED) from None
    except (RuntimeError, ValueError, SynapseError) as exc:
        on_end(exc)
        if isinstance(exc, SynapseError):
            raise
        raise _failure(exc) from exc
    on_end(None)
    return result


def _failure(exc: Exception) -> SynapseError:
    """What a person should read of a failed step: its own error, not the orchestrator's words around it."""
    cause = exc.__cause__
    if isinstance(cause, SynapseError):
        return cause
    if isinstance(cause, OSError):
        place = f": {cause.filename}" if cause.filename else ""
        return ExportError(f"{cause.strerror or cause}{place}.")
    return ExportError(str(exc))
