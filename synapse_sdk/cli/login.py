"""`synapse login`: keep a server's address and a token that works."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from synapse_sdk.cli.connection import HostOption, open_v2
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import plain, say, warn
from synapse_sdk.utils.auth import (
    CONFIG_FILE,
    DEFAULT_HOST,
    ENV_SYNAPSE_ACCESS_TOKEN,
    ENV_SYNAPSE_HOST,
    read_env,
    save_credentials,
)

# What is on a command line everybody on this machine can read while the command runs.
FROM_STDIN = "-"


def login(
    host: HostOption = None,
    token: Annotated[
        str | None, typer.Option("--token", "-t", help="Access token; `-` reads it from stdin; asked for when absent.")
    ] = None,
) -> None:
    """Check a token against a server and keep both for later commands (readable by you alone)."""
    host = host or _ask("Server", DEFAULT_HOST)
    if token == FROM_STDIN:
        token = sys.stdin.readline().strip()
    token = token or _ask_secret("Access token")
    with open_v2(host, token) as client:
        me = client.users.me()
    save_credentials(host, token)
    say(f"Logged in to {host} as {plain(me['email'])}. Kept in {CONFIG_FILE}.")
    env = read_env()
    for name in (ENV_SYNAPSE_HOST, ENV_SYNAPSE_ACCESS_TOKEN):
        if env.get(name):
            warn(f"{name} is set in this shell and wins over what was just kept.")


def _ask(question: str, default: str) -> str:
    return typer.prompt(question, default=default, err=True) if sys.stdin.isatty() else default


def _ask_secret(question: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError(
            "No token. Give a file that holds it, `synapse login --token - < FILE`, or be asked for it in a terminal."
        )
    return str(typer.prompt(question, hide_input=True, err=True))
