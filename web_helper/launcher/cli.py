"""`synapse up | down | status | demo`: the platform on this machine.

Every `synapse` command loads this module: what a command needs beyond the standard library is imported inside it.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from synapse_sdk.exceptions import ConfigurationError
from web_helper.launcher.home import DEFAULT_PORT, Home

DEFAULT_HOME = Path("~/.synapse/server")

# Three processes, each of which may take its time.
DOWN_SECONDS = 40.0
# What shows that an extra of the distribution is installed.
EXTRA_MODULES = {
    "server": ("dbos", "sqlalchemy", "pydantic_settings"),
    "agent": ("fastapi", "uvicorn"),
    "formats": ("numpy", "PIL"),
    "demo": ("skimage", "pycocotools", "supervision"),
}

HomeOption = Annotated[Path, typer.Option("--home", help="Folder of this installation.", envvar="SYNAPSE_SERVER_HOME")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def register(app: typer.Typer) -> None:
    """Add this room's commands to the `synapse` command (entry-point group `synapse.cli`)."""
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("demo")(demo)


def up(
    home: HomeOption = DEFAULT_HOME,
    host: Annotated[str, typer.Option(help="Address to listen on; everything else stays on 127.0.0.1.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help=f"Port of the server; {DEFAULT_PORT}, or the next free one.")] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when everything is ready.")] = False,
) -> None:
    """Start server, worker and agent; print a one-click URL. Ctrl-C stops them."""
    _require_extras("server", "agent")
    from web_helper.launcher.platform import Platform, start_detached

    place = Home(home)
    if detach:
        _print_ready(start_detached(place, host=host, port=port), place)
        return
    with Platform.start(place, host=host, port=port) as platform:
        signal.signal(signal.SIGTERM, lambda *_: platform.supervisor.request_stop())
        signal.signal(signal.SIGINT, lambda *_: platform.supervisor.request_stop())
        _print_ready(platform.url, platform.home)
        typer.echo("Ctrl-C stops it.")
        platform.supervisor.watch()
    typer.echo("Stopped.")


def _require_extras(*extras: str) -> None:
    """The base install has no server: say what to install instead of which module is missing.

    Raises:
        ConfigurationError: Something is missing.
    """
    if any(find_spec(module) is None for extra in extras for module in EXTRA_MODULES[extra]):
        raise ConfigurationError(
            f"This command needs more than the SDK: pip install 'synapse-platform[{','.join(extras)}]'"
        )


def _print_ready(url: str, home: Home) -> None:
    """Only a terminal is shown the key: what is written anywhere else is a log."""
    if sys.stdout.isatty():
        # In the fragment, which browsers never send.
        typer.echo(f"Synapse is ready. Open:\n\n    {url}/#token={home.read_admin_token()}\n")
    else:
        typer.echo(f"Synapse is ready. Open it with the token in {home.admin_token_file}:\n\n    {url}\n")
    login = f"synapse login --host {url} --token - < {shlex.quote(str(home.admin_token_file))}"
    typer.echo(f"Commands in a terminal need a login:\n\n    {login}\n")


def down(home: HomeOption = DEFAULT_HOME) -> None:
    """Stop what `synapse up` started here. Data stays."""
    place = Home(home)
    record = place.running()
    if record is None:
        typer.echo(f"Nothing runs in {place.path}.")
        return
    os.kill(record.pid, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS
    while place.running() is not None:
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"Process {record.pid} did not stop in {DOWN_SECONDS:.0f} s; its logs: {place.logs}"
            )
        time.sleep(0.1)
    typer.echo("Stopped.")


def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Say what runs and whether it answers. Exit code 3 when nothing runs."""
    import msgspec

    from web_helper.launcher.supervisor import answers

    place = Home(home)
    record = place.running()
    healthy = record is not None and answers(f"{record.url}/health/")
    if as_json:
        facts = {"home": str(place.path), "running": record is not None, "healthy": healthy}
        typer.echo(msgspec.json.encode({**facts, **msgspec.to_builtins(record or {})}).decode())
    elif record is None:
        typer.echo(f"Nothing runs in {place.path}. Start it: synapse up")
    else:
        typer.echo(f"{record.url} {'answers' if healthy else 'does not answer; logs: ' + str(place.logs)}")
        for name, pid in record.children.items():
            typer.echo(f"  {name:8} process {pid}")
    if record is None:
        raise typer.Exit(3)


def demo(
    home: HomeOption = Path(".synapse/demo"),
    keep_running: Annotated[
        bool | None,
        typer.Option("--keep-running/--exit", help="Leave the platform running; default in a terminal."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ten photographs in, pre-annotated on an agent, exported to three formats, each read by other software."""
    _require_extras("server", "agent", "formats", "demo")
    import msgspec
    from rich.console import Console

    from web_helper.launcher.demo import report_table, run_demo, work_folder
    from web_helper.launcher.platform import Platform

    console = Console(stderr=as_json)
    with Platform.start(Home(home)) as platform:
        signal.signal(signal.SIGTERM, lambda *_: platform.supervisor.request_stop())
        report = run_demo(platform, console)
        console.print(report_table(report, work_folder(platform)))
        if as_json:
            typer.echo(msgspec.json.encode(report).decode())
        if keep_running if keep_running is not None else sys.stdout.isatty():
            _print_ready(platform.url, platform.home)
            typer.echo("Ctrl-C stops it; `synapse demo --exit` does not wait.")
            signal.signal(signal.SIGINT, lambda *_: platform.supervisor.request_stop())
            platform.supervisor.watch()
        else:
            typer.echo(f"To look at it in the browser: synapse up --home {home}", err=as_json)
