"""`synapse experiment`: submit a config, watch its runs, compare them, run one again."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.experiments.display import print_comparison, print_detail, print_devices, print_rows
from synapse_sdk.cli.experiments.logs import logs_command
from synapse_sdk.cli.experiments.opening import open_experiments
from synapse_sdk.cli.failures import EXIT_FAILED, UsageError, report_error
from synapse_sdk.cli.output import print_json, say, warn
from synapse_sdk.exceptions import ClientError

if TYPE_CHECKING:
    from synapse_sdk.clients.experiments import ExperimentClient

# Of a grid, in a terminal; `--json` has all.
MAX_ROWS = 20
_DONE = {"cancel": "cancelled", "pause": "paused", "resume": "resumed"}
app = typer.Typer(no_args_is_help=True, help="Experiments: submit, watch, compare, run one again.")

UidArgument = Annotated[str, typer.Argument(help="Id, from `synapse experiment list`.")]
UidsArgument = Annotated[list[str], typer.Argument(help="Ids, from `synapse experiment list`; one or more.")]
GridOption = Annotated[bool, typer.Option("--grid", help="Every run that was submitted with it.")]
DeviceOption = Annotated[str | None, typer.Option("--device", help="Only this host may run it.")]


class PriorityChoice(StrEnum):
    """Who is next."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


PriorityOption = Annotated[PriorityChoice, typer.Option("--priority", help="Who is next; among equals, the first.")]


@app.command("submit")
def submit(
    config: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML; its lists make a grid of runs.")],
    *,
    device: DeviceOption = None,
    priority: PriorityOption = PriorityChoice.NORMAL,
    name: Annotated[str | None, typer.Option("--name", help="Else the config's `run_name`, else its file's.")] = None,
    alias: Annotated[str, typer.Option("--alias", help="Which version of each component.")] = "active",
    pin: Annotated[
        list[str] | None,
        typer.Option("--pin", help="`model/resnet.py@<hash>` or `…@next`: this version instead. Repeat for more."),
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="Keep it back until `synapse experiment resume`.")] = False,
    expires: Annotated[
        int | None, typer.Option("--expires", min=1, help="Minutes that it may wait for a worker; any when absent.")
    ] = None,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit a config. The versions of its components are frozen now, once for the whole grid.

    Example: synapse experiment submit digits.yaml --device gpu-3 --priority high
    """
    options: dict[str, Any] = {"device": device, "name": name}
    if expires is not None:
        options["expires_in_seconds"] = expires * 60
    given = {key: value for key, value in options.items() if value is not None}
    text = _read(config)
    with open_experiments(host, token) as client:
        made = client.submit(
            text,
            file=config.name,
            priority=priority.value,
            alias=alias,
            pinned=_find_pins(pin or [], host, token),
            hold=hold,
            **given,
        )
        _warn_of_nobody(client, device)
    _warn_of_no_agent(config, text)
    if as_json:
        print_json(made)
        return
    print_rows(made[:MAX_ROWS])
    if len(made) > MAX_ROWS:
        say(f"… and {len(made) - MAX_ROWS} more.")
    say(f"{len(made)} submitted. Follow one: synapse experiment logs -f {made[0]['uid']}")


@app.command("list")
def list_experiments(
    *,
    status: Annotated[str | None, typer.Option(help="Only these, such as `queued,running`.")] = None,
    project: Annotated[str | None, typer.Option(help="Only those with this label.")] = None,
    device: Annotated[str | None, typer.Option(help="Only those that this host runs or ran.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many, newest first.")] = 50,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """List experiments, the newest first."""
    with open_experiments(host, token) as client:
        rows = client.list_experiments(status=status, project=project, device=device, limit=limit)
    if as_json:
        print_json(rows)
        return
    is_filtered = bool(status or project or device)
    print_rows(
        rows, empty="No experiment is like that." if is_filtered else "No experiments yet. `synapse experiment submit`."
    )


@app.command("show")
def show(uid: UidArgument, host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Show one experiment: its state, its components, and what was recorded when it began."""
    with open_experiments(host, token) as client:
        found = client.get_experiment(uid)
        config = client.get_config(uid)["config"]
    if as_json:
        print_json({**found, "config": config})
        return
    print_detail(found, config)


app.command("logs")(logs_command)


@app.command("compare")
def compare(
    a: UidArgument,
    b: UidArgument,
    host: HostOption = None,
    token: TokenOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show how two experiments differ: config, components, environment, metrics."""
    with open_experiments(host, token) as client:
        found = client.compare(a, b)
    if as_json:
        print_json(found)
        return
    print_comparison(found)


@app.command("reproduce")
def reproduce(
    uid: UidArgument,
    *,
    device: DeviceOption = None,
    priority: PriorityOption = PriorityChoice.NORMAL,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an experiment again with exactly the recorded components, config and seed."""
    options = {"priority": priority.value} | ({} if device is None else {"device": device})
    with open_experiments(host, token) as client:
        made = client.reproduce(uid, **options)
        _warn_of_nobody(client, device)
    if as_json:
        print_json(made)
        return
    print_rows([made])
    say(f"When it has run: synapse experiment compare {uid} {made['uid']}")


@app.command("cancel")
def cancel(
    uids: UidsArgument,
    grid: GridOption = False,
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """End experiments; what they have printed and measured stays."""
    _move(uids, "cancel", grid=grid, credentials=(host, token), as_json=as_json)


@app.command("pause")
def pause(
    uids: UidsArgument,
    grid: GridOption = False,
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take experiments out of the queue, or hold their runs still."""
    _move(uids, "pause", grid=grid, credentials=(host, token), as_json=as_json)


@app.command("resume")
def resume(
    uids: UidsArgument,
    grid: GridOption = False,
    *,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let experiments go on that are paused or were kept back."""
    _move(uids, "resume", grid=grid, credentials=(host, token), as_json=as_json)


@app.command("devices")
def list_devices(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the hosts that run experiments, and how they are."""
    with open_experiments(host, token) as client:
        rows = client.list_devices()
    if as_json:
        print_json(rows)
        return
    print_devices(rows)


@app.command("remove-device")
def remove_device(
    device: Annotated[str, typer.Argument(help="Name, from `synapse experiment devices`.")],
    host: HostOption = None,
    token: TokenOption = None,
) -> None:
    """Take a host off the list; its key works no more. What it ran stays, and it may join again."""
    with open_experiments(host, token) as client:
        client.remove_device(device)
    say(f"{device} is removed; its key works no more.")


def _warn_of_nobody(client: ExperimentClient, device: str | None) -> None:
    from synapse_sdk.cli.experiments.waiting import why_nobody_takes_it

    if reason := why_nobody_takes_it(client.list_devices(), device):
        warn(reason)


def _warn_of_no_agent(config: Path, text: str) -> None:
    from synapse_sdk.components.config_components import config_references
    from synapse_sdk.components.config_file import parse_config
    from synapse_sdk.components.names import Category

    named = {each.component.category for each in config_references(parse_config(text, config.name))}
    if Category.AGENT not in named:
        warn(f"{config.name} names no agent; it cannot run. Write `agent: classification`, say, and submit it again.")


def _move(uids: list[str], act: str, *, grid: bool, credentials: tuple[str | None, str | None], as_json: bool) -> None:
    """Do it to each; one that refuses does not keep the others from it."""
    moved = []
    with open_experiments(*credentials) as client:
        move = partial(client.move_grid, act=act) if grid else getattr(client, act)
        for uid in uids:
            try:
                moved.append((uid, move(uid)))
            except ClientError as exc:
                if len(uids) == 1:
                    raise
                report_error(exc)
    if as_json:
        print_json([found for _, found in moved] if len(uids) > 1 else moved[0][1])
    else:
        for uid, found in moved:
            whole = f"The grid of {uid}: {_DONE[act]} {found.get('moved')}, {found.get('left')} stay as they are."
            say(whole if grid else f"{uid} is {found['status']}.")
    if len(moved) < len(uids):
        raise typer.Exit(EXIT_FAILED)


def _read(config: Path) -> str:
    try:
        return config.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{config}: byte {exc.start + 1} is not UTF-8.") from exc


def _find_pins(texts: list[str], host: str | None, token: str | None) -> dict[str, str]:
    """The hashes of versions that were named; a name is looked up now, and moves nothing later."""
    from synapse_sdk.cli.components.references import find_hash, open_components, parse_version_name

    names = [parse_version_name(text) for text in texts]
    for text, name in zip(texts, names, strict=True):
        if name.path is None or name.which is None:
            raise UsageError(f"{text!r} is no version; write `model/resnet.py@<hash>`, or `model/resnet.py@next`.")
    if not names:
        return {}
    with open_components(host, token) as client:
        return {name.path: find_hash(client, name) for name in names if name.path is not None}
