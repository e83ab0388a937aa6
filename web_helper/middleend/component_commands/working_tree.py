"""`synapse component sync | status | restore | verify`: the working tree's side of `synapse component`.

The command line loads this module for `synapse component` only; what a command needs is imported inside it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.cli.components.references import check_base
from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.failures import EXIT_FAILED, UsageError
from synapse_sdk.cli.output import print_json, print_table, say, warn
from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.utils.auth import load_credentials
from web_helper.middleend.component_commands.pushing import push_command
from web_helper.middleend.sync_plan import SyncStrategy

if TYPE_CHECKING:
    from web_helper.middleend.component_manager import ComponentManager
    from web_helper.middleend.sync_records import SyncResult

BaseOption = Annotated[Path, typer.Option("--base", help="Folder that holds `cvlabkit`.")]
ConfigArgument = Annotated[
    Path | None, typer.Argument(help="Only what this config needs, imports included; everything when absent.")
]
StrategyOption = Annotated[
    SyncStrategy | None, typer.Option(help="Who wins where the two sides differ; `interactive` asks you.")
]
CHOICE = "`--strategy local_priority` uploads yours, `--force` takes the server's and keeps a copy of yours."
# What a person answers to a question, and what that means.
ANSWERS = {"u": "use_local", "d": "use_server", "s": "skip"}


def register(app: typer.Typer) -> None:
    """Add these commands to `synapse component` (entry-point group `synapse.cli.component`)."""
    app.command("push")(push_command)
    for command in (sync, status, restore, verify):
        app.command(command.__name__)(command)


def sync(
    config: ConfigArgument = None,
    strategy: StrategyOption = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="The server's version wins; a copy is kept of each edit that makes way.")
    ] = False,
    base: BaseOption = Path(),
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring components of a working tree up to date; exit code 1 when one is not as it should be afterwards."""
    if force and strategy not in (None, SyncStrategy.SERVER_AUTHORITATIVE):
        raise UsageError(f"--force lets the server win, --strategy {strategy} does not; choose one.")
    chosen = SyncStrategy.SERVER_AUTHORITATIVE if force else strategy or SyncStrategy.INTERACTIVE
    with closing(_open(base, host, token)) as manager:
        if chosen is SyncStrategy.INTERACTIVE and not as_json and _is_somebody_there():
            manager.conflict_callback = lambda conflict: _ask(conflict.path, conflict.conflict_type)
        result = manager.sync_all(chosen) if config is None else manager.sync_with_strategy(_file(config), chosen)
    _show(result, as_json=as_json)


def status(
    config: ConfigArgument = None,
    *,
    base: BaseOption = Path(),
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a working tree and the server differ; nothing is changed, here or there."""
    with closing(_open(base, host, token)) as manager:
        dry = SyncStrategy.DRY_RUN
        result = manager.sync_all(dry) if config is None else manager.sync_with_strategy(_file(config), dry)
    same = len(result.skipped) - len(result.planned)
    if as_json:
        print_json({"differences": result.planned, "same": same})
        return
    if result.planned:
        print_table(("path", "difference"), sorted(result.planned.items()))
    say(f"{len(result.planned)} differ, {same} are the same.")


def restore(
    uid: Annotated[str, typer.Argument(help="The experiment.")],
    *,
    base: BaseOption = Path(),
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the versions in place that an experiment ran with; a copy is kept of each edit that makes way."""
    with closing(_open(base, host, token)) as manager:
        result = manager.restore_from_manifest(uid)
    if as_json:
        print_json(result)
    else:
        _show_kept(result["kept"])
        _warn_of(result["errors"])
        say(f"{len(result['synced'])} components are as {uid} ran with them, {len(result['failed'])} are not.")
    raise typer.Exit(EXIT_FAILED if result["failed"] else 0)


def verify(
    uid: Annotated[str | None, typer.Argument(help="An experiment; the active versions when absent.")] = None,
    *,
    base: BaseOption = Path(),
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read every component's bytes and compare them with the server's; exit code 1 when one differs."""
    with closing(_open(base, host, token)) as manager:
        wrong = manager.verify(uid)
    if as_json:
        print_json({"differences": wrong})
    else:
        print_table(("path", "difference"), sorted(wrong.items()), empty="Every component is what it should be.")
        if wrong:
            say(f"{len(wrong)} differ. `synapse component {_mend(uid)}` brings what should be there.")
    raise typer.Exit(EXIT_FAILED if wrong else 0)


def _mend(uid: str | None) -> str:
    return "sync" if uid is None else f"restore {uid}"


def _open(base: Path, host: str | None, token: str | None) -> ComponentManager:
    from web_helper.middleend.component_manager import ComponentManager

    found = load_credentials(host=host, access_token=token)
    if not found.access_token:
        raise ConfigurationError(f"There is no access token for {found.host}. Run `synapse login`, or pass --token.")
    check_base(base)
    return ComponentManager(found.host, base, found.access_token)


def _file(config: Path) -> Path:
    if not config.is_file():
        raise UsageError(f"There is no config {config}; name a config, or none for every component.")
    return config


def _is_somebody_there() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(path: str, difference: str) -> str:
    question = f"{path} ({difference}): [u]pload yours, [d]ownload the server's, [s]kip"
    # What is none of these decides nothing: it is asked again.
    while (answer := typer.prompt(question, default="s", err=True).strip().lower()[:1]) not in ANSWERS:
        pass
    return ANSWERS[answer]


def _show(result: SyncResult, *, as_json: bool) -> None:
    waiting = {conflict.path: str(conflict.conflict_type) for conflict in result.conflicts}
    if as_json:
        facts: dict[str, Any] = asdict(result)
        for conflict in facts["conflicts"]:
            del conflict["local_content"]
        print_json(facts)
    else:
        changed = len(result.synced) + len(result.uploaded)
        rows = [(path, "downloaded") for path in result.synced] + [(path, "uploaded") for path in result.uploaded]
        rows += [(path, "kept") for path in result.planned if path in result.skipped]
        if rows:
            print_table(("path", "done"), rows)
        _show_kept(result.kept)
        _warn_of(result.errors)
        _warn_of({path: f"{kind}: {CHOICE}" for path, kind in waiting.items()})
        same = len(set(result.skipped) - set(result.planned))
        say(f"{changed} changed, {same} were up to date, {len(waiting)} wait for a decision.")
    raise typer.Exit(EXIT_FAILED if waiting or result.failed else 0)


def _show_kept(kept: dict[str, Path]) -> None:
    for path, copy in sorted(kept.items()):
        say(f"{path}: your edit lies in {copy}.")


def _warn_of(errors: dict[str, str]) -> None:
    for path, reason in sorted(errors.items()):
        warn(f"{path}: {reason}")
