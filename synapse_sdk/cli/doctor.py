"""`synapse doctor`: says what is wrong with this machine's set-up, and what to do about each thing."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import typer
from rich.text import Text

from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.failures import EXIT_FAILED, message_of, next_step
from synapse_sdk.cli.output import plain, print_json, stdout_console
from synapse_sdk.clients.backend_v2 import BackendV2Client
from synapse_sdk.clients.base import Call
from synapse_sdk.exceptions import SynapseError
from synapse_sdk.utils.auth import CONFIG_FILE, load_credentials
from synapse_sdk.utils.retry import NO_RETRY

MINIMUM_PYTHON = (3, 11)
# An agent says that it is alive more often than this.
AGENT_SILENCE = timedelta(minutes=2)


class Verdict(StrEnum):
    """How one check ended."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One check: what was found, and what to do when that is not well."""

    check: str
    verdict: Verdict
    message: str
    next_step: str | None = None


Check = Callable[[BackendV2Client], Finding]


def doctor(host: HostOption = None, token: TokenOption = None, as_json: JsonOption = False) -> None:
    """Check Python, configuration, server, token, storage and agents. Exit code 1 on errors, 0 on warnings."""
    findings = [*check_machine(), *check_server(host, token)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        _print_findings(findings)
    if any(finding.verdict == Verdict.ERROR for finding in findings):
        raise typer.Exit(EXIT_FAILED)


def check_machine() -> Iterator[Finding]:
    """What can be said without a server."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MINIMUM_PYTHON:
        yield Finding("python", Verdict.OK, f"Python {running}")
    else:
        yield Finding("python", Verdict.ERROR, f"Python {running} is too old", "Install Python 3.11 or newer.")
    yield _check_package()
    yield _check_config_file()
    missing = [name for name in ("PIL", "numpy") if find_spec(name) is None]
    if missing:
        yield Finding(
            "formats",
            Verdict.WARNING,
            f"{', '.join(missing)} not installed: image sizes and masks that a data set leaves out cannot be read",
            "pip install 'synapse-platform[formats]'",
        )
    else:
        yield Finding("formats", Verdict.OK, "image sizes and masks can be read")


def check_server(host: str | None, token: str | None) -> Iterator[Finding]:
    """What the server says; stops at the first thing that nothing works without."""
    try:
        credentials = load_credentials(host=host, access_token=token)
    except SynapseError as exc:
        yield _failed("credentials", exc)
        return
    yield Finding("host", Verdict.OK, credentials.host)
    # Without a token too: whether the server answers is worth knowing.
    with BackendV2Client(
        credentials.host, access_token=credentials.access_token, allow_insecure=True, retry=NO_RETRY
    ) as client:
        checks: dict[str, Check] = {
            "server": _check_health,
            "token": _check_token if credentials.access_token else _miss_token,
            "storage": _check_storage,
            "agents": _check_agents,
        }
        yield from _until_error(client, checks)


def _until_error(client: BackendV2Client, checks: Mapping[str, Check]) -> Iterator[Finding]:
    for name, check in checks.items():
        try:
            finding = check(client)
        except SynapseError as exc:
            finding = _failed(name, exc)
        yield finding
        if finding.verdict == Verdict.ERROR:
            return


def _failed(check: str, exc: SynapseError) -> Finding:
    return Finding(check, Verdict.ERROR, message_of(exc), next_step(exc))


def _check_package() -> Finding:
    try:
        return Finding("package", Verdict.OK, f"synapse-platform {version('synapse-platform')}")
    except PackageNotFoundError:
        return Finding(
            "package",
            Verdict.WARNING,
            "synapse-platform is not installed in this environment; its version is unknown",
            "Install it: `make install`, or pip install synapse-platform.",
        )


def _check_config_file() -> Finding:
    if not CONFIG_FILE.exists():
        return Finding("config", Verdict.OK, f"{CONFIG_FILE} is not there; environment and options are used")
    mode = stat.S_IMODE(CONFIG_FILE.stat().st_mode)
    if mode & 0o077:
        return Finding(
            "config",
            Verdict.WARNING,
            f"{CONFIG_FILE} holds a token and others on this machine may read it (mode {mode:04o})",
            f"chmod 600 {CONFIG_FILE}",
        )
    return Finding("config", Verdict.OK, f"{CONFIG_FILE} is readable by you alone")


def _check_health(client: BackendV2Client) -> Finding:
    health = client.send_json(Call("GET", "health/"))
    state = health.get("status") if isinstance(health, dict) else None
    if state is None:
        return Finding(
            "server", Verdict.ERROR, f"{client.base_url} answers, but not as a Synapse server", "Check --host."
        )
    return Finding("server", Verdict.OK, f"{client.base_url} answers: {state}")


def _miss_token(_client: BackendV2Client) -> Finding:
    return Finding("token", Verdict.ERROR, "there is no access token for this server", "Run `synapse login`.")


def _check_token(client: BackendV2Client) -> Finding:
    me = client.users.me()
    kind = "administrator" if me["is_admin"] else "user"
    return Finding("token", Verdict.OK, f"acts for {me['email']} ({kind})")


def _check_storage(client: BackendV2Client) -> Finding:
    storages = list(client.storages.list())
    default = next((storage for storage in storages if storage["is_default"]), None)
    if default is None:
        return Finding(
            "storage", Verdict.WARNING, "the server has no default storage", "synapse storage create NAME --default …"
        )
    return Finding("storage", Verdict.OK, f"{default['name']} ({default['provider']}) of {len(storages)}")


def _check_agents(client: BackendV2Client) -> Finding:
    agents = list(client.agents.list())
    alive = [agent["name"] for agent in agents if _is_alive(agent)]
    if not alive:
        return Finding(
            "agents",
            Verdict.WARNING,
            f"none of {len(agents)} agents has been heard of lately; plugins run on this machine only",
            "`synapse up` starts one on this machine.",
        )
    return Finding("agents", Verdict.OK, f"{', '.join(alive)} of {len(agents)}")


def _is_alive(agent: Mapping[str, Any]) -> bool:
    seen = agent.get("last_seen_at")
    return bool(seen) and datetime.now(UTC) - datetime.fromisoformat(str(seen)) < AGENT_SILENCE


def _print_findings(findings: list[Finding]) -> None:
    console = stdout_console()
    signs = {Verdict.OK: ("ok", "green"), Verdict.WARNING: ("warn", "yellow"), Verdict.ERROR: ("FAIL", "red")}
    for finding in findings:
        sign, style = signs[finding.verdict]
        console.print(Text.assemble((f"{sign:5}", style), f"{finding.check:9} {plain(finding.message)}"))
        if finding.next_step and finding.verdict != Verdict.OK:
            console.print(Text(f"{'':15}{plain(finding.next_step)}"))
