"""`synapse worker up`: this machine runs experiments.

Every `synapse` command loads this module: what the command needs beyond the standard library is imported inside it.
"""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synapse_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from web_helper.middleend.worker.device_agent import HostRecord, WorkerSettings

DEFAULT_FOLDER = Path("~/.synapse/worker")


def register(app: typer.Typer) -> None:
    """Add this room's commands to the `synapse` command (entry-point group `synapse.cli`)."""
    worker = typer.Typer(no_args_is_help=True, help="Machines that run experiments.")
    # Typer makes a group of one command only when there is a callback.
    worker.callback()(lambda: None)
    worker.command("up")(up)
    app.add_typer(worker, name="worker")


def up(
    *,
    server: Annotated[str | None, typer.Option("--server", help="The server; else that of your login.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", "-t", help="Of someone who may enrol hosts, needed once; else your login.")
    ] = None,
    device_name: Annotated[
        str | None,
        typer.Option("--device-name", help="How `--device` names this host; else its host name and a random part."),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="How many runs at once.")] = 1,
    work: Annotated[Path, typer.Option("--work", help="Folder of this worker's key, cache and runs.")] = DEFAULT_FOLDER,
    stop_runs: Annotated[
        bool, typer.Option("--stop-runs", help="Stop the runs with the worker; else they go on and are found again.")
    ] = False,
    any_environment: Annotated[
        bool,
        typer.Option("--any-environment", help="Reproduce runs even where packages or kit differ from the recorded."),
    ] = False,
    tree: Annotated[
        Path | None,
        typer.Option(
            "--tree", help="Folder that holds a `cvlabkit` to be kept as the server has it; runs do not use it."
        ),
    ] = None,
    heartbeat_seconds: Annotated[float, typer.Option(min=0.1, help="How often the server hears of this host.")] = 10.0,
    poll_seconds: Annotated[float, typer.Option(min=0.1, help="How often work is asked for.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print each event as a line of JSON on stdout.")] = False,
) -> None:
    """Join a server and run the experiments that are submitted there. Ctrl-C stops the worker; its runs go on."""
    if find_spec("xxhash") is None:
        raise ConfigurationError("This command needs more than the SDK: pip install 'synapse-platform[worker]'")
    from synapse_sdk.utils.auth import load_credentials
    from web_helper.middleend.worker.device_agent import WorkerSettings, join_server

    credentials = load_credentials(host=server, access_token=token)
    settings = WorkerSettings(
        credentials.host,
        work.expanduser().resolve(),
        jobs=jobs,
        heartbeat_seconds=heartbeat_seconds,
        poll_seconds=poll_seconds,
        stop_runs_at_exit=stop_runs,
        any_environment=any_environment,
        tree=None if tree is None else tree.expanduser().resolve(),
    )
    host = join_server(settings, name=device_name, token=credentials.access_token)
    _work(settings, host, tell_json if as_json else tell_person)


def _work(settings: WorkerSettings, host: HostRecord, tell: Callable[..., None]) -> None:
    from web_helper.middleend.worker.device_agent import DeviceAgent
    from web_helper.middleend.worker.host import erase_keys

    erase_keys()
    agent = DeviceAgent(settings, host, tell)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()
    tell("worker_down", runs=len(agent.runs()))


def tell_json(event: str, **fields: object) -> None:
    """One line for a program."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    sys.stdout.write(json.dumps({"time": moment, "event": event, **fields}, default=str) + "\n")
    sys.stdout.flush()


def tell_person(event: str, **fields: object) -> None:
    """One line for a person."""
    from synapse_sdk.cli.output import plain, say

    text = EVENTS.get(event, event.replace("_", " "))
    rest = {name: value for name, value in fields.items() if value not in ("", None) and f"{{{name}}}" not in text}
    details = ", ".join(f"{name} {plain(value)}" for name, value in rest.items())
    say(text.format(**{name: plain(value) for name, value in fields.items()}) + (f" ({details})" if details else ""))


EVENTS = {
    "worker_up": "{host_id} takes experiments from {server}. Ctrl-C stops it; its runs go on and are found again.",
    "worker_down": "Stopped. Runs that go on, and are found again: {runs}.",
    "server_away": "The server cannot be asked; again in {wait_seconds} s",
    "key_refused": "The server refuses this worker's key; again in {wait_seconds} s. To join anew, stop the worker and "
    "remove `host.json` from its --work folder; runs go on",
    "worker_recovered": "The worker goes on.",
    "worker_hindered": "The worker cannot go on; again in {wait_seconds} s",
    "job_taken": "{uid} taken",
    "components_fetched": "{uid}: {fetched} of {needed} components fetched",
    "run_started": "{uid} runs",
    "run_found_again": "{uid} found again",
    "tree_synchronised": "The kept tree: {synced} components fetched, {uploaded} uploaded",
    "tree_failed": "The kept tree could not be synchronised",
    "conflict_reported": "{path}: {conflict}; `synapse notification list` shows what can be answered",
    "conflict_answered": "{path}: {resolution}",
    "run_abandoned": "{uid} is not this worker's any more",
    "run_ended": "{uid} {status}",
    "job_failed": "{uid}: a fault of the worker; it is tried again",
}
