"""`synapse storage`: where the server keeps bytes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import print_facts, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="List, show and create storages.")


@app.command("list")
def list_storages(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List storages."""
    with open_v2(host, token) as client:
        rows = list(client.storages.list(sort="id"))
    if as_json:
        print_json(rows)
        return
    columns = ("id", "name", "provider", "category", "is_default")
    print_table(columns, ([row.get(column) for column in columns] for row in rows))


@app.command("show")
def show(
    storage_id: Annotated[int, typer.Argument(help="Id, from `synapse storage list`.")],
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one storage. The server masks its secrets."""
    with open_v2(host, token) as client:
        storage = client.storages.retrieve(storage_id)
    if as_json:
        print_json(storage)
        return
    facts: dict[str, Any] = dict(storage)
    configuration = facts.pop("configuration", None) or {}
    print_facts({**facts, **{f"configuration.{name}": value for name, value in configuration.items()}})


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="A name of its own.")],
    *,
    provider: Annotated[str, typer.Option(help="file_system, or s3 for any S3-compatible store.")],
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="One setting of the provider, such as location=/data. Repeatable."
        ),
    ] = None,
    is_default: Annotated[bool, typer.Option("--default", help="Uploads go here from now on.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a storage; the server tries to open it first."""
    configuration = parse_settings(setting or [])
    with open_v2(host, token) as client:
        storage = client.storages.create(
            name=name, provider=provider, configuration=configuration, is_default=is_default
        )
    if as_json:
        print_json(storage)
        return
    say(f"Storage {storage['name']!r} is there, with id {storage['id']}.")


def parse_settings(settings: list[str]) -> dict[str, str]:
    """`KEY=VALUE` words as a mapping.

    Raises:
        UsageError: One has no `=` or no key.
    """
    pairs = [setting.partition("=") for setting in settings]
    for key, equals, _ in pairs:
        if not (key and equals):
            raise UsageError(f"--set {key!r} is not KEY=VALUE.")
    return {key: value for key, _, value in pairs}
