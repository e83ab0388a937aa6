"""`synapse component`: what is in the store, how it became so, and changing it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.cli.components.references import (
    ACTIVE,
    VersionName,
    check_base,
    check_component,
    find_hash,
    open_components,
    parse_version_name,
)
from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import plain, print_json, print_table, say
from synapse_sdk.components.names import Category

if TYPE_CHECKING:
    from synapse_sdk.clients.components import ComponentClient

app = typer.Typer(
    no_args_is_help=True, help="Versions of components: list, compare, activate, roll back, push, synchronise."
)

ReasonOption = Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the log.")]
BaseOption = Annotated[Path, typer.Option("--base", help="Folder that holds `cvlabkit`.")]

COMPONENT_COLUMNS = ("path", "active_hash", "version_count", "updated_at")
VERSION_COLUMNS = ("hash", "is_active", "created_at")
CHANGE_COLUMNS = ("set", "when", "who", "kind", "path", "alias", "from", "to", "reason")


@app.command("scan")
def scan(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Let the server register what is new in its own folder."""
    with open_components(host, token) as client:
        registered, message = client.scan()
    if as_json:
        print_json({"registered": registered, "message": message})
        return
    say(message)


@app.command("list")
def list_components(
    what: Annotated[str | None, typer.Argument(help="A category, or a component whose versions are wanted.")] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List components, or the versions of one."""
    is_component = what is not None and what not in set(Category)
    with open_components(host, token) as client:
        if is_component:
            component = check_component(what or "")
            rows = client.list_versions(component.category, component.name)
        else:
            rows = client.list_components(what)
    if as_json:
        print_json(rows)
        return
    columns = VERSION_COLUMNS if is_component else COMPONENT_COLUMNS
    empty = f"The server has no component{f' of {what}' if what else ''} yet. Bring yours: `synapse component push`."
    print_table(columns, ([_cell(row[column]) for column in columns] for row in rows), empty=empty)


@app.command("log")
def log(
    component: Annotated[str | None, typer.Argument(help="Only changes of this component.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Change sets at most.")] = 20,
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, when and why, the newest first."""
    path = None if component is None else str(check_component(component))
    with open_components(host, token) as client:
        records = client.list_changes(path, limit=limit)
    if as_json:
        print_json(records)
        return
    empty = f"Nobody has changed {path or 'a component'} yet."
    print_table(CHANGE_COLUMNS, (row for record in records for row in _change_rows(record)), empty=empty)


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="`model/resnet.py`, `model/resnet.py@stable`, `…@<hash>`, or a hash.")],
    after: Annotated[str | None, typer.Argument(help="The same; when absent, the file in the working tree.")] = None,
    base: BaseOption = Path(),
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions, or one with the file in the working tree.

    Example: synapse component diff model/resnet.py@stable model/resnet.py
    """
    names = [parse_version_name(text) for text in (before, after) if text is not None]
    if after is None and names[0].path is None:
        raise UsageError("Name the component to compare with its file: `synapse component diff model/resnet.py`.")
    if after is None:
        check_base(base)
    with open_components(host, token) as client:
        found = [client.get_version(find_hash(client, name), name.path) for name in names]
    sides = [(f"{version['path']}@{version['hash']}", version["content"]) for version in found]
    if after is None:
        file = base / check_component(names[0].path or "").file
        sides.append((file.as_posix(), file.read_bytes().decode("utf-8", "replace")))
    (from_name, from_text), (to_name, to_text) = sides
    lines = list(
        difflib.unified_diff(from_text.splitlines(keepends=True), to_text.splitlines(keepends=True), from_name, to_name)
    )
    if as_json:
        print_json({"from": from_name, "to": to_name, "diff": "".join(lines)})
        return
    for line in lines:
        typer.echo(plain(line.rstrip("\n")))


@app.command("activate")
def activate(
    versions: Annotated[
        list[str] | None, typer.Argument(help="`model/resnet.py@<hash>`, `model/resnet.py@stable`, or a hash.")
    ] = None,
    change_set: Annotated[
        int | None, typer.Option("--set", help="Activate all that this change set named, from `push` or `log`.")
    ] = None,
    expected: Annotated[
        int | None, typer.Option(min=0, help="With --set: refuse when a later change set has moved one of them.")
    ] = None,
    alias: Annotated[str, typer.Option(help="Move this alias instead of `active`.")] = ACTIVE,
    reason: ReasonOption = "",
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make versions the active ones, all of them or none.

    Example: synapse component activate model/resnet.py@stable loss/focal.py@1a2b3c4d5e6f7081 -m 'as in the paper'
    """
    if bool(versions) == (change_set is not None):
        raise UsageError("Name versions, or one change set with --set.")
    if expected is not None and change_set is None:
        raise UsageError("--expected goes with --set.")
    with open_components(host, token) as client:
        if change_set is not None:
            done = client.activate_set(change_set, alias=alias, expected=expected, reason=reason)
        else:
            changes = [_change_to(client, name, alias) for name in map(parse_version_name, versions or ())]
            record = client.change(changes, reason=reason)
    if change_set is None:
        _print_record(record, as_json=as_json)
    elif as_json:
        print_json(done)
    elif done["id"] is None:
        say("Nothing to change.")
    else:
        say(f"{done['moved']} moved by change set {done['id']}; `rollback --set {done['id']}` takes them back.")


def _change_to(client: ComponentClient, name: VersionName, alias: str) -> dict[str, Any]:
    found = find_hash(client, name)
    path = name.path or client.get_version(found)["path"]
    return {"path": path, "hash": found, "aliases": [alias]}


@app.command("rollback")
def rollback(
    components: Annotated[list[str] | None, typer.Argument(help="Components to take back one version.")] = None,
    change_set: Annotated[int | None, typer.Option("--set", help="Take back this change set, from `log`.")] = None,
    reason: ReasonOption = "",
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take components back to the version that was active before, or a whole change set; nothing is deleted.

    Example: synapse component rollback loss/focal.py -m 'diverges'
    """
    if bool(components) == (change_set is not None):
        raise UsageError("Name components, or one change set with --set.")
    paths = [str(check_component(text)) for text in components or ()]
    with open_components(host, token) as client:
        if change_set is not None:
            record = client.undo(change_set, reason=reason)
        else:
            record = client.roll_back(paths, reason=reason)
    _print_record(record, as_json=as_json)


def _print_record(record: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(record)
    elif record["id"] is None:
        say("Nothing to change.")
    else:
        print_table(CHANGE_COLUMNS, _change_rows(record))


def _change_rows(record: dict[str, Any]) -> list[list[object]]:
    about = [record["id"], record["created_at"], record["user"], record["kind"]]
    changes = record["changes"] or [{"path": f"{record['registered']} versions added", "alias": None}]
    return [
        [*about, each["path"], each["alias"], each.get("from_hash"), each.get("to_hash"), record["reason"]]
        for each in changes
    ]


def _cell(value: object) -> object:
    return ("*" if value else "") if isinstance(value, bool) else value
