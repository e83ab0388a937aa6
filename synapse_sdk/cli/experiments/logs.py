"""`synapse experiment logs`: what a run prints, as it comes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.experiments.opening import open_experiments
from synapse_sdk.cli.failures import EXIT_FAILED
from synapse_sdk.cli.interrupt import interrupt_once
from synapse_sdk.cli.output import say

if TYPE_CHECKING:
    from synapse_sdk.clients.experiments import ExperimentClient

_KEPT = "\n\t"
_WAITING = {"pending", "queued", "assigned", "paused"}


def logs_command(
    uid: Annotated[str, typer.Argument(help="Id, from `synapse experiment list`.")],
    is_following: Annotated[
        bool,
        typer.Option("--follow", "-f", help="Go on until it has ended; exit code 1 when it did not complete."),
    ] = False,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Leave out so many bytes.")] = 0,
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what a run has printed. Ctrl-C leaves the run alone. With --json, one object a line."""
    with open_experiments(host, token) as client, interrupt_once("The run goes on without this terminal."):
        if is_following and not as_json:
            _wait(client, uid)
        for event in client.follow_log(uid, offset, follow=is_following):
            _print_event(event, as_json=as_json)
        found = client.get_experiment(uid)
    if as_json:
        _print_line({"uid": uid, "status": found["status"], "exit_code": found["exit_code"]})
    if not is_following:
        return
    if not as_json:
        say(" ".join(filter(None, [f"{uid} is {found['status']}.", found["message"]])))
    if found["status"] != "completed":
        raise typer.Exit(EXIT_FAILED)


def _wait(client: ExperimentClient, uid: str) -> None:
    from synapse_sdk.cli.experiments.waiting import wait_in_queue

    found = client.get_experiment(uid)
    if found["status"] in _WAITING:
        device = found["device"] or found["wanted_device"] or "a worker"
        say(f"{uid} is {found['status']}: nothing is printed until {device} runs it.")
        wait_in_queue(client, uid)


def _print_event(event: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_line(event)
        return
    text = event["text"].replace("\r\n", "\n")
    # What a run prints is no command to somebody's terminal; in a file it stays as it is.
    sys.stdout.write(_visible(text.replace("\r", "\n")) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def _print_line(data: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() or char in _KEPT else repr(char)[1:-1] for char in text)
