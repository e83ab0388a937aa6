"""The sub-commands of `synapse`, each imported when it is called: `--help` must not load what `export` needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command, get_group

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from typer._click import Command


@dataclass(frozen=True)
class Later:
    """A command that is not imported yet.

    Attributes:
        place: Module and attribute: a function, or a `typer.Typer` of sub-commands.
        summary: The line of `synapse --help`; the first sentence of the command's own help.
    """

    place: str
    summary: str

    def load(self, name: str) -> Command:
        """The command itself."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(f"synapse_sdk.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            command: Command = get_group(found)
        else:
            alone = typer.Typer(add_completion=False)
            alone.command(name)(found)
            command = get_command(alone)
        command.name = name
        return command


BUILT_IN = {
    "login": Later(
        "login:login", "Check a token against a server and keep both for later commands (readable by you alone)."
    ),
    "doctor": Later(
        "doctor:doctor",
        "Check Python, configuration, server, token, storage and agents. Exit code 1 on errors, 0 on warnings.",
    ),
    "import": Later(
        "importing:import_command", "Import annotated images into a project; again and again adds only what is new."
    ),
    "export": Later(
        "exporting:export_command",
        "Export annotations into a data set that trainers read, checked against the format's rules.",
    ),
    "apply-delta": Later(
        "exporting.updating:apply_delta_command",
        "Bring an export up to date with a delta: OLD and DELTA make a new export, the same as a whole one.",
    ),
    "agent": Later("resources.agents:app", "The hosts that run plugins: start one, list them, choose one."),
    "pre-annotation": Later("resources.pre_annotations:app", "List pre-annotation runs, and undo one."),
    "model": Later("resources.models:app", "List models, and add one."),
    "component": Later(
        "components:app", "Versions of components: list, compare, activate, roll back, push, synchronise."
    ),
    "experiment": Later("experiments:app", "Experiments: submit, watch, compare, run one again."),
    "notification": Later("experiments:notifications", "Conflicts that workers ask about: list and answer."),
    "project": Later("resources.projects:app", "Create, list, show and delete projects."),
    "storage": Later("resources.storages:app", "List, show and create storages."),
    "token": Later("resources.tokens:app", "Create, list and revoke access tokens."),
    "playground": Later("playground:app", "Try plugins in the browser: each app in a container of its own."),
    "job": Later("jobs:app", "Follow and stop jobs: server exports and plugin runs."),
    "plugin": Later("plugin:app", "Make, run, test and publish plugins."),
}


def load_extension(extension: EntryPoint, app: typer.Typer) -> None:
    """Let another room add its commands; one that cannot is a warning, never the end of those that work."""
    try:
        extension.load()(app)
    except Exception as exc:  # noqa: BLE001 - the edge of the command line: another room's defect must not stop this one
        from synapse_sdk.cli.output import warn

        warn(f"The commands of {extension.name!r} ({extension.value}) are not there: {exc}")


class Commands(MutableMapping[str, Any]):
    """Commands by name: built-in ones load when they are taken, those of other rooms when a name is in none of ours.

    Args:
        added: Commands that are there already.
        load_extensions: Gives the commands of other rooms; asked once.
    """

    def __init__(self, added: MutableMapping[str, Any], load_extensions: Callable[[], dict[str, Any]]) -> None:
        self._loaded = dict(added)
        self._load_extensions: Callable[[], dict[str, Any]] | None = load_extensions

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded and name in BUILT_IN:
            self._loaded[name] = BUILT_IN[name].load(name)
        elif name not in self._loaded:
            self._extend()
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        self._extend()
        return iter([*BUILT_IN, *(name for name in self._loaded if name not in BUILT_IN)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def headings(self) -> dict[str, Any]:
        """A stand-in for each command that is not loaded: what a list of commands shows."""
        return {name: self._loaded.get(name) or TyperCommand(name, help=BUILT_IN[name].summary) for name in self}

    def _extend(self) -> None:
        if self._load_extensions is not None:
            load, self._load_extensions = self._load_extensions, None
            self._loaded = {**load(), **self._loaded}
