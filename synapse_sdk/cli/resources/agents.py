"""`synapse agent`: the hosts that run plugins, and which of them this person uses."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption, open_v2
from synapse_sdk.cli.output import print_facts, print_json, print_table, say
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import load_credentials, read_config, read_env, update_config
from synapse_sdk.utils.network import is_same_origin

app = typer.Typer(no_args_is_help=True, help="The hosts that run plugins: start one, list them, choose one.")
KEPT = "agent"
_NONE = "No agent has joined yet. Let this machine be one: `synapse agent up`."
DEFAULT_HOME = Path("~/.synapse/agent")
NEEDED_BY_AGENT = ("synapse_agent", "fastapi", "uvicorn", "pydantic_settings", "uv")

AgentArgument = Annotated[str | None, typer.Argument(help="Id or name, from `synapse agent list`.")]


@app.command("up")
def up(
    *,
    server: Annotated[str | None, typer.Option("--server", help="The server; else that of your login.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", "-t", help="An administrator's, needed once; else that of your login.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="How people see this host; else its host name.")] = None,
    home: Annotated[Path, typer.Option("--home", help="Folder of the agent's key and state.")] = DEFAULT_HOME,
    address: Annotated[str, typer.Option("--host", help="Address that its own API listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of its own API; 0 is any free one.")] = 8200,
) -> None:
    """Join this host to a server and run what people send to it. Ctrl-C stops it; its runs go on."""
    if any(find_spec(module) is None for module in NEEDED_BY_AGENT):
        raise ConfigurationError("This command needs more than the SDK: pip install 'synapse-platform[agent]'")
    credentials = load_credentials(host=server, access_token=token)
    given = {"SERVER_URL": credentials.host, "HOME": str(home.expanduser().resolve()), "NAME": name}
    given |= {"TOKEN": credentials.access_token}
    variables = {f"SYNAPSE_AGENT_{key}": value for key, value in given.items() if value}
    say(f"Joining {credentials.host}. Ctrl-C stops the agent; its runs go on and are found again.")
    # This process becomes the agent: its token is then in no command line, which everybody on the host can read.
    arguments = [sys.executable, "-m", "synapse_agent.app", "--host", address, "--port", str(port)]
    os.execve(sys.executable, arguments, {**read_env(), **variables})  # noqa: S606 - our own module.


@app.command("list")
def list_agents(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """List the agents, and what they have."""
    with open_v2(host, token) as client:
        rows = [dict(agent) for agent in client.agents.list()]
        chosen = selected_agent(client.base_url)
    if as_json:
        print_json(rows)
        return
    columns = ("id", "name", "status", "cpus", "memory GiB", "free GPUs", "selected")
    print_table(columns, ([*_facts_of(row), "yes" if row["id"] == chosen else ""] for row in rows), empty=_NONE)


@app.command("select")
def select(agent: AgentArgument = None, host: HostOption = None, token: TokenOption = None) -> None:
    """Choose the agent that `synapse plugin run --mode remote` uses when it is told none."""
    with open_v2(host, token) as client:
        rows = [dict(row) for row in client.agents.list()]
        found = _pick(rows, agent)
        update_config({KEPT: {"id": found["id"], "name": found["name"], "host": client.base_url}})
    say(f"Runs go to agent {found['id']} ({found['name']}) from now on.")


@app.command("show")
def show(
    agent: AgentArgument = None, host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False
) -> None:
    """Show an agent: the one that is named, else the one that was selected."""
    with open_v2(host, token) as client:
        wanted = agent or selected_agent(client.base_url)
        if wanted is None:
            raise ConfigurationError("No agent is selected: name one, or choose one with `synapse agent select`.")
        found = _pick([dict(row) for row in client.agents.list()], str(wanted))
    if as_json:
        print_json(found)
        return
    capacity = found.pop("capacity") or {}
    print_facts({**found, **{name: value for name, value in capacity.items() if name != "gpus"}})
    for gpu in capacity.get("gpus") or []:
        print_facts({f"GPU {gpu['index']}": f"{gpu['name']}, {gpu['free_memory_bytes'] / 2**30:.1f} GiB free"})
    say("The token of its own API lies on its host, in api.token of the agent's home.")


@app.command("clear")
def clear(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Forget which agent was selected."""
    kept = read_config().get(KEPT)
    if kept is None:
        say("No agent is selected.")
        return
    if not (yes or typer.confirm(f"Forget the selection of agent {kept.get('name')}?", err=True)):
        raise typer.Abort
    update_config({KEPT: None})
    say("No agent is selected any more.")


def selected_agent(server: str) -> int | None:
    """Id of the agent that was selected for this server; None when none was."""
    kept = read_config().get(KEPT)
    if not isinstance(kept, dict) or not is_same_origin(str(kept.get("host")), server):
        return None
    return int(kept["id"])


def _pick(rows: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    if wanted is None:
        alive = [row for row in rows if row["status"] == "connected"]
        if len(alive) == 1:
            return alive[0]
        raise ConfigurationError(f"{len(alive)} agents are connected; name one: {_names(rows)}.")
    found = [row for row in rows if wanted in {str(row["id"]), row["name"]}]
    if not found:
        raise ConfigurationError(f"There is no agent {wanted!r}; there are: {_names(rows)}.")
    return found[0]


def _names(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['id']} ({row['name']})" for row in rows) or "none"


def _facts_of(row: dict[str, Any]) -> list[Any]:
    capacity = row.get("capacity") or {}
    memory = capacity.get("memory_bytes")
    gpus = f"{capacity.get('free_gpus', 0)} of {capacity.get('num_gpus', 0)}"
    return [
        row["id"],
        row["name"],
        row["status"],
        capacity.get("num_cpus"),
        f"{memory / 2**30:.1f}" if memory else None,
        gpus,
    ]
