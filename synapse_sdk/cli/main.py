"""The `synapse` command: puts the sub-commands together and is the one place where an error becomes an exit code."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from synapse_sdk.cli.commands import Commands, load_extension
from synapse_sdk.cli.failures import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    UsageError,
    print_error,
    report_error,
    report_unexpected,
)
from synapse_sdk.cli.output import open_closed_streams
from synapse_sdk.exceptions import SynapseError
from synapse_sdk.utils.distribution import installed_version

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from typer._click import Command, Context, HelpFormatter

ENTRY_POINT_GROUP = "synapse.cli"
PROGRAM = "synapse"


class SynapseGroup(TyperGroup):
    """The root command: every error leaves as one message on stderr and an exit code."""

    extensions: Sequence[EntryPoint] | None = None

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._later = self.commands = Commands(self.commands, partial(_load_extensions, self.extensions))

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        listed = copy(self)
        listed.commands = self._later.headings()
        super(SynapseGroup, listed).format_help(ctx, formatter)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        found = super().resolve_command(ctx, args)
        # What `main` began: all that the command needs is imported now, and none of it will ever be garbage.
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        return found

    def main(self, *args: Any, **extra: Any) -> Any:
        is_standalone = extra.pop("standalone_mode", True)
        run = partial(super().main, *args, **{"prog_name": PROGRAM, **extra, "standalone_mode": False})
        if not is_standalone:
            return run()
        sys.exit(exit_code_of(run))


def exit_code_of(run: Callable[[], Any]) -> int:
    """Run a command and turn what it raises into a message and an exit code."""
    try:
        code = run()
    except typer.TyperException as exc:
        return _report_usage(exc)
    except typer.Abort:
        return EXIT_INTERRUPTED
    except SynapseError as exc:
        report_error(exc)
        return EXIT_USAGE if isinstance(exc, UsageError) else EXIT_FAILED
    except OSError as exc:
        print_error(f"{exc.strerror or exc}{f': {exc.filename}' if exc.filename else ''}")
        return EXIT_FAILED
    except Exception as exc:  # noqa: BLE001 - the edge of the command line: a defect must not show a stack trace
        report_unexpected(exc)
        return EXIT_FAILED
    return code if isinstance(code, int) else 0


def _report_usage(exc: typer.TyperException) -> int:
    context = getattr(exc, "ctx", None)
    # Asking for nothing has printed the help already and leaves no message.
    if message := exc.format_message():
        step = f"`{context.command_path} --help` shows how to call it." if context else None
        # Words that pydantic puts before ours.
        print_error(message.replace("Value error, ", ""), step)
    return exc.exit_code


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"synapse {installed_version()}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", "-v", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From raw data to a reproducible model: import, annotate, export, run plugins.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted. Commands that print data take --json.
    SYNAPSE_HOST and SYNAPSE_ACCESS_TOKEN stand in for --host and --token; `synapse login` stores both.
    """


def build_app(extensions: Sequence[EntryPoint] | None = None) -> typer.Typer:
    """The command line with the commands of other rooms (entry-point group `synapse.cli`).

    A broken extension is a warning, never the end of the commands that work.
    """
    group = type("Root", (SynapseGroup,), {"extensions": extensions})
    root = typer.Typer(name="synapse", cls=group, no_args_is_help=True, pretty_exceptions_enable=False)
    root.callback()(_root)
    return root


def _load_extensions(extensions: Sequence[EntryPoint] | None) -> dict[str, Any]:
    found = typer.Typer()
    # Typer makes a group of one command only when there is a callback.
    found.callback()(lambda: None)
    if extensions is None:
        from importlib.metadata import entry_points

        extensions = list(entry_points(group=ENTRY_POINT_GROUP))
    for extension in extensions:
        load_extension(extension, found)
    return dict(typer.main.get_group(found).commands)


def __getattr__(name: str) -> typer.Typer:
    """`cli`, the whole app, for those who embed it; made when asked for, because importing must load no extension."""
    if name == "cli":
        return build_app()
    raise AttributeError(name)


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    open_closed_streams()
    # Looking for garbage among what is being imported is a sixth of a command's start.
    gc.disable()
    build_app()()
    sys.exit(0)
