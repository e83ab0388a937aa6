"""`synapse model`: what trainings made, and what the results of a pre-annotation are booked under."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v1
from synapse_sdk.cli.output import print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="List models, and add one.")

COLUMNS = ("id", "name", "version", "plugin_release_id", "sha256", "created")

_NONE = "There is no model yet. A training makes one; or add a file: `synapse model create`."


@app.command("list")
def list_models(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List models."""
    with open_v1(host, token) as client:
        rows = list(client.list_models(list_all=True)[0])
    if as_json:
        print_json(rows)
        return
    print_table(COLUMNS, ([row.get(column) for column in COLUMNS] for row in rows), empty=_NONE)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="How people call it.")],
    *,
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Its weights; a classical method has none.")
    ] = None,
    version: Annotated[str | None, typer.Option("--version", help="Which of that name.")] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a model. Trainings add theirs by themselves.

    Example: synapse model create detector --weights best.pt --version 2
    """
    body = {"name": name} | ({"version": version} if version else {})
    with open_v1(host, token) as client:
        model = client.create_model(body, file=weights)
    if as_json:
        print_json(model)
        return
    say(f"Model {model['name']!r} is there, with id {model['id']}.")
