"""`synapse notification`: conflicts that workers ask about, and deciding them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.experiments.opening import open_experiments
from synapse_sdk.cli.output import print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Conflicts that workers ask about: list and answer.")
COLUMNS = ("id", "host_id", "path", "conflict_type", "local_hash", "server_hash", "status", "resolution")


class Choice(StrEnum):
    """What shall become of a conflict."""

    USE_SERVER = "use_server"
    USE_LOCAL = "use_local"
    SKIP = "skip"


@app.command("list")
def list_notifications(
    everything: Annotated[bool, typer.Option("--all", help="Those that were answered too.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List conflicts that wait for an answer."""
    with open_experiments(host, token) as client:
        rows = client.list_notifications(pending=not everything)
    if as_json:
        print_json(rows)
        return
    empty = "No worker has asked anything yet." if everything else ""
    if rows or everything:
        print_table(COLUMNS, ([row[column] for column in COLUMNS] for row in rows), empty=empty)
    if not everything:
        say(f"{len(rows)} {'action' if len(rows) == 1 else 'actions'} required.")


@app.command("answer")
def answer(
    number: Annotated[int, typer.Argument(help="Id, from `synapse notification list`.")],
    resolution: Annotated[
        Choice, typer.Argument(help="The server's version, the worker's (it uploads its file), or neither.")
    ],
    host: HostOption = None,
    token: TokenOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Decide a conflict; its worker carries that out.

    Example: synapse notification answer 3 use_server
    """
    with open_experiments(host, token) as client:
        found = client.answer_notification(number, resolution.value)
    if as_json:
        print_json(found)
        return
    say(f"{found['path']} on {found['host_id']}: {found['resolution']}; its worker is told with its next heartbeat.")
