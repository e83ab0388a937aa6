"""`synapse token`: keys that act for you."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.output import print_facts, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Create, list and revoke access tokens.")


class Scope(StrEnum):
    """What a token may do, within what its owner may do."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for; shown in lists.")],
    *,
    scope: Annotated[list[Scope] | None, typer.Option(help="Repeat for several; read and write when absent.")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; never when absent.")] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a token. Its key is shown once and can never be shown again.

    Example: synapse token create 'nightly export' --scope read --days 90
    """
    values: dict[str, object] = {"name": name, "scopes": [str(item) for item in scope or (Scope.READ, Scope.WRITE)]}
    if days is not None:
        values["expires_at"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    with open_v2(host, token) as client:
        made = client.tokens.create(**values)
    if as_json:
        print_json(made)
        return
    print_facts({"id": made["id"], "name": made["name"], "scopes": ", ".join(made["scopes"]), "key": made["key"]})
    say("Keep the key now: only its hash is stored.", style="yellow")


@app.command("list")
def list_tokens(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List tokens, without their keys."""
    with open_v2(host, token) as client:
        rows = list(client.tokens.list())
    if as_json:
        print_json(rows)
        return
    columns = ("id", "name", "prefix", "scopes", "expires_at", "revoked_at", "last_used_at")
    print_table(columns, ([_cell(row.get(column)) for column in columns] for row in rows))


@app.command("revoke")
def revoke(
    token_id: Annotated[int, typer.Argument(help="Id, from `synapse token list`.")],
    host: HostOption = None,
    token: TokenOption = None,
) -> None:
    """Revoke a token: it opens nothing from now on."""
    with open_v2(host, token) as client:
        client.tokens.delete(token_id)
    say(f"Token {token_id} is revoked.")


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
