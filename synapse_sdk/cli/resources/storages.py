"""`synapse storage`: where the server keeps bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import print_facts, print_json, print_table, say
from synapse_sdk.utils.auth import read_env

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
    empty = "You see no storage. An administrator makes one: `synapse storage create`."
    print_table(columns, ([row.get(column) for column in columns] for row in rows), empty=empty)


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
    from_env: Annotated[
        list[str] | None,
        typer.Option(
            "--set-from-env",
            metavar="KEY=VARIABLE",
            help="One setting, out of an environment variable: secret_key=AWS_SECRET_ACCESS_KEY. Repeatable.",
        ),
    ] = None,
    is_default: Annotated[bool, typer.Option("--default", help="Uploads go here from now on.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a storage; the server tries to open it first.

    Secrets belong into --set-from-env: others on this machine can read what is on a command line.

    Example: synapse storage create disk --provider file_system --set location=/data/synapse
    """
    configuration = parse_settings(setting or []) | settings_from(from_env or [], read_env())
    with open_v2(host, token) as client:
        storage = client.storages.create(
            name=name, provider=provider, configuration=configuration, is_default=is_default
        )
    if as_json:
        print_json(storage)
        return
    say(f"Storage {storage['name']!r} is there, with id {storage['id']}.")


def settings_from(settings: list[str], environment: Mapping[str, str]) -> dict[str, str]:
    """`KEY=VARIABLE` words as a mapping of keys to what is in the variables.

    Raises:
        UsageError: One has no `=` or no key, or its variable is not set.
    """
    named = parse_settings(settings, "--set-from-env", "KEY=VARIABLE")
    for key, variable in named.items():
        if not environment.get(variable):
            # What is in its place may be the secret itself.
            raise UsageError(f"--set-from-env {key}=…: no such environment variable is set.")
    return {key: environment[variable] for key, variable in named.items()}


def parse_settings(settings: list[str], option: str = "--set", form: str = "KEY=VALUE") -> dict[str, str]:
    """`KEY=VALUE` words as a mapping.

    Raises:
        UsageError: One has no `=` or no key.
    """
    pairs = [setting.partition("=") for setting in settings]
    for key, equals, _ in pairs:
        if not (key and equals):
            raise UsageError(f"{option} {key!r} is not {form}.")
    return {key: value for key, _, value in pairs}
