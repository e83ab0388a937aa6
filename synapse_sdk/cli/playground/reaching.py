"""How a playground command reaches an agent: by options, by variables, or the one that runs on this host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import read_env

if TYPE_CHECKING:
    from synapse_sdk.clients.agent import AgentClient
    from synapse_sdk.clients.agent.on_server import PlaygroundClient

URL_VARIABLE, TOKEN_VARIABLE = "SYNAPSE_AGENT_URL", "SYNAPSE_AGENT_API_TOKEN"
# Of an agent of its own, and of the one that `synapse up` starts.
HOMES = (Path("~/.synapse/agent"), Path("~/.synapse/server/agent"))
URL_FILE, TOKEN_FILE = "api.url", "api.token"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--agent-url",
        help=f"The agent; else {URL_VARIABLE}, else the one of this host, else all of the server of `synapse login`.",
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--agent-token", help=f"Token of its API; else {TOKEN_VARIABLE}, else that of the agent of this host."
    ),
]
ContainerArgument = Annotated[str, typer.Argument(help="Id, number, name or release, from `synapse playground list`.")]


def open_agent(url: str | None, token: str | None) -> AgentClient | PlaygroundClient:
    """A client of the agent, or of the agents of the server that this person is logged in to; a context manager.

    Raises:
        ConfigurationError: No agent is named, none has run on this host, and nobody is logged in.
    """
    env = read_env()
    url, token = url or env.get(URL_VARIABLE), token or env.get(TOKEN_VARIABLE)
    if url is None or token is None:
        found = [each for each in (_read_home(home.expanduser()) for home in HOMES) if each and url in {None, each[0]}]
        if not found:
            return _open_server(is_agent_named=url is not None)
        url, token = url or found[0][0], token or found[0][1]
    from synapse_sdk.clients.agent import AgentClient

    return AgentClient(url, token)


def name_of(row: Mapping[str, Any]) -> Any:
    """How a container is called: its number at an agent, its id at a server."""
    return row["id"] if "agent" in row else row["record"]


def address_of(row: Mapping[str, Any]) -> str | None:
    """Where its app is for people: on the server, if it was the server that was asked."""
    address: str | None = row.get("url", row["endpoint"])
    return address if row["endpoint"] else None


def _open_server(*, is_agent_named: bool) -> PlaygroundClient:
    from synapse_sdk.clients.agent.on_server import PlaygroundClient
    from synapse_sdk.utils.auth import load_credentials

    credentials = load_credentials()
    if is_agent_named or not credentials.access_token:
        raise ConfigurationError(
            "No agent is known here. Start one with `synapse up`, log in to a server that has one with "
            "`synapse login`, or name one with --agent-url and --agent-token; its token lies on its host, in "
            f"{TOKEN_FILE} of its home."
        )
    return PlaygroundClient(credentials.host, credentials.access_token)


def find_container(client: AgentClient | PlaygroundClient, name: str) -> dict[str, Any]:
    """A container by whatever a person calls it.

    Raises:
        ConfigurationError: A release is named that has several containers, or none.
        NotFoundError: There is none.
    """
    if "@" not in name:
        return client.get_container(name)
    rows = client.list_containers({"plugin_release": name})["results"]
    if len(rows) != 1:
        names = ", ".join(f"{name_of(row)} (model {row['model']})" for row in rows)
        raise ConfigurationError(
            f"{name} has several containers; name one by its number: {names}." if rows else f"{name} has no container."
        )
    return client.get_container(name_of(rows[0]))


def _read_home(home: Path) -> tuple[str, str] | None:
    try:
        return (home / URL_FILE).read_text().strip(), (home / TOKEN_FILE).read_text().strip()
    except OSError:
        return None
