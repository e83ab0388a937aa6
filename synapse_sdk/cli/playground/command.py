"""`synapse playground`: plugins' Gradio apps, each in a container of its own on an agent."""

from __future__ import annotations

import json
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import JsonOption
from synapse_sdk.cli.output import plain, print_facts, print_json, print_table, say
from synapse_sdk.cli.playground.reaching import (
    ContainerArgument,
    KeyOption,
    UrlOption,
    address_of,
    find_container,
    name_of,
    open_agent,
)
from synapse_sdk.exceptions import ConflictError

app = typer.Typer(no_args_is_help=True, help="Try plugins in the browser: each app in a container of its own.")
COLUMNS = ("number", "release", "model", "status", "address", "name")
FACTS = ("record", "plugin_release", "model", "status", "url", "endpoint", "name", "image", "id", "error")
# Packages are installed at the first build.
WAIT_SECONDS = 1800.0


@app.command("create")
def create(
    release: Annotated[str | None, typer.Argument(help="`code@version`; an archive names its own.")] = None,
    *,
    model: Annotated[int | None, typer.Option(help="Id of a model; another model is another container.")] = None,
    params: Annotated[str | None, typer.Option(help="Parameters of the app, as a JSON object.")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", "-e", help="A variable, NAME=value; repeat it.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="A word to find it by; repeat it.")] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, help="The plugin's archive, or its folder; else the server's release.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return while it is being built.")] = False,
    url: UrlOption = None,
    token: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a plugin's app, or find it running. What the build prints is shown as it comes.

    Example: synapse playground create coin-counter@1.0.0 --env CONFIDENCE=0.5
    """
    if release is None and file is None:
        raise typer.BadParameter("name a release, or give --file")
    wish: dict[str, Any] = {"model": model, "params": _read_params(params), "envs": _read_env(env), "labels": label}
    with open_agent(url, token) as client, _packed(file) as archive:
        made = client.create_container(release, plugin_file=archive, wait=False, **wish)
        if "build_id" in made and "id" not in made and not detach:
            for line in client.stream_build_log(made["build_id"]):
                say(plain(line))
            made = client.wait_for_build(made["build_id"], timeout=WAIT_SECONDS)
    _show(made, as_json=as_json)


@app.command("list")
def list_containers(
    status: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    url: UrlOption = None,
    token: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List containers, newest first."""
    with open_agent(url, token) as client:
        rows = list(client.list_containers({"status": status} if status else None, list_all=True)[0])
    if as_json:
        print_json(rows)
        return
    facts = ("plugin_release", "model", "status")
    empty = f"No app is {status}." if status else "No app has been opened yet. Open one: `synapse playground create`."
    cells = ([name_of(row), *(row[fact] for fact in facts), address_of(row), row["name"]] for row in rows)
    print_table(COLUMNS, cells, empty=empty)


@app.command("open")
def open_app(container: ContainerArgument, url: UrlOption = None, token: KeyOption = None) -> None:
    """Open an app in the browser, and print its address."""
    with open_agent(url, token) as client:
        found = find_container(client, container)
    address = address_of(found)
    if not address:
        raise ConflictError(409, f"It is {found['status']}: `synapse playground restart {container}` starts it.")
    typer.echo(address)
    webbrowser.open(address)


@app.command("logs")
def show_logs(
    container: ContainerArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it is removed, or Ctrl-C.")] = False,
    tail: Annotated[int, typer.Option(min=1, help="How many of the last lines.")] = 1000,
    url: UrlOption = None,
    token: KeyOption = None,
) -> None:
    """Print what an app printed."""
    with open_agent(url, token) as client:
        found = find_container(client, container)
        lines = (
            client.stream_container_logs(name_of(found))
            if follow
            else client.get_container_logs(name_of(found), tail).splitlines()
        )
        for line in lines:
            # What a plugin prints is not trusted with the terminal.
            typer.echo(plain(line))


@app.command("restart")
def restart(
    container: ContainerArgument, url: UrlOption = None, token: KeyOption = None, as_json: JsonOption = False
) -> None:
    """Stop an app and start it again; start it when it is stopped."""
    with open_agent(url, token) as client:
        made = client.update_container(name_of(find_container(client, container)), status="restarted")
    _show(made, as_json=as_json)


@app.command("stop")
def stop(container: ContainerArgument, url: UrlOption = None, token: KeyOption = None) -> None:
    """Stop an app; creating it again starts it."""
    with open_agent(url, token) as client:
        found = find_container(client, container)
        client.update_container(name_of(found), status="stopped")
    say(f"{found['plugin_release']} is stopped.")


@app.command("rm")
def remove(container: ContainerArgument, url: UrlOption = None, token: KeyOption = None) -> None:
    """Stop an app and remove its container."""
    with open_agent(url, token) as client:
        found = find_container(client, container)
        client.delete_container(name_of(found))
    say(f"{found['plugin_release']} is removed.")


@contextmanager
def _packed(file: Path | None) -> Iterator[Path | None]:
    """An archive as it is, a folder packed."""
    if file is None or file.is_file():
        yield file
        return
    from synapse_sdk.utils.file.archive import create_archive

    with tempfile.TemporaryDirectory(prefix="synapse-playground-") as folder:
        archive = Path(folder) / "plugin.zip"
        create_archive(file, archive)
        yield archive


def _read_params(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        values = json.loads(text)
    except ValueError as exc:
        raise typer.BadParameter(f"--params is not JSON: {exc}") from exc
    if not isinstance(values, dict):
        raise typer.BadParameter("--params must be a JSON object")
    return values


def _read_env(pairs: list[str] | None) -> dict[str, str] | None:
    values = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        if not separator:
            raise typer.BadParameter(f"--env takes NAME=value, not {name!r}")
        values[name] = value
    return values or None


def _show(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    if "id" not in made:
        say("It is being built; `synapse playground list` says how far it is.")
        print_facts({"build": made["build_id"]})
        return
    if made.get("recreated"):
        say(f"Made anew: {made['recreated']}.")
    print_facts({fact: made[fact] for fact in FACTS if made.get(fact) is not None})
