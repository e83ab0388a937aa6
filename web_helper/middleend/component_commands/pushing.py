"""`synapse component push`: files of a working tree become versions, in one change set.

What tree and server last had in common tells an edit of the active version from one of an older version: pushing that
would silently take back what somebody else changed meanwhile.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synapse_sdk.cli.components.references import ACTIVE, check_base, check_component, open_components
from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import print_json, print_table, say, warn
from synapse_sdk.components.digests import sha256_of, short_hash
from synapse_sdk.components.local_tree import read_components
from synapse_sdk.components.names import parse_component_path
from synapse_sdk.exceptions import ComponentError

if TYPE_CHECKING:
    from synapse_sdk.clients.components import ComponentClient
    from web_helper.middleend.local_tree import LocalTree

# A millisecond each: whoever pushes thousands for the first time is not kept waiting.
MOST_PARSED = 500


@dataclass(frozen=True)
class Known:
    """What a push is decided by, besides files and server.

    Attributes:
        aliases: What shall point to the new versions.
        bases: What tree and server last had in common: SHA-256 by path.
        staged: What the alias points to already, where it is another one than `active`: hash by path.
    """

    aliases: tuple[str, ...] = (ACTIVE,)
    bases: Mapping[str, str] = field(default_factory=dict)
    staged: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PushPlan:
    """What a push would do.

    Attributes:
        changes: New contents, with the versions that they replace.
        older: Files whose content the server has as another version: pushing would take back what came later.
        overtaken: Files of `changes` that somebody changed on the server, too, since the tree was synchronised.
        unchanged: How many are on the server as they are here.
    """

    changes: tuple[dict[str, Any], ...]
    older: tuple[str, ...]
    overtaken: tuple[str, ...]
    unchanged: int


def plan_push(contents: Mapping[str, bytes], offer: Mapping[str, Any], known: Known) -> PushPlan:
    """Decide from what is here and what the server answered to it."""
    changes, older, overtaken, unchanged = [], [], [], 0
    for path, content in sorted(contents.items()):
        version = offer["versions"].get(path)
        if version is not None and path in offer["known"]:
            if known.staged.get(path) == short_hash(content):
                unchanged += 1
            else:
                older.append(path)
        elif version is not None or path in offer["missing"]:
            change: dict[str, Any] = {"path": path, "content": content.decode(), "aliases": list(known.aliases)}
            # What another name points to was not asked.
            if ACTIVE in known.aliases:
                change["expected"] = version["hash"] if version else None
                if version and known.bases.get(path) not in (None, version["sha256"]):
                    overtaken.append(path)
            changes.append(change)
        else:
            unchanged += 1
    return PushPlan(tuple(changes), tuple(older), tuple(overtaken), unchanged)


def push_command(
    components: Annotated[list[str] | None, typer.Argument(help="Only these; all when absent.")] = None,
    *,
    base: Annotated[Path, typer.Option("--base", help="Folder that holds `cvlabkit`.")] = Path(),
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the log.")] = "",
    activate: Annotated[bool, typer.Option(help="Make them the active versions.")] = True,
    alias: Annotated[
        str, typer.Option(help="Point this alias to them, not `active`: `activate --set` does later.")
    ] = ACTIVE,
    force: Annotated[
        bool, typer.Option("--force", help="Also over what somebody changed on the server since you synchronised.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be pushed, and push nothing.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push new contents of a working tree, all of them or none; what came later on the server is never taken back.

    Example: synapse component push loss/focal.py -m 'smoothed labels'
    """
    if alias != ACTIVE and not activate:
        raise UsageError("--alias names what points to them, --no-activate lets nothing: choose one.")
    tree = _open(base)
    contents = _read(base, components)
    aliases = (alias,) if activate else ()
    with open_components(host, token) as client:
        have = {path: sha256_of(content) for path, content in contents.items()}
        staged = {} if alias == ACTIVE else _staged_under(alias, client)
        offer = _compare(client, have)
        bases = tree.bases_beside(have, {path: each["sha256"] for path, each in offer["versions"].items()})
        plan = plan_push(contents, offer, Known(aliases, bases, staged))
        overtaken = [] if force else _on_this_server(plan.overtaken, bases, client)
        if overtaken:
            raise ComponentError("\n".join(map(_overtaken, overtaken)))
        record = client.change(plan.changes, reason=reason) if plan.changes and not dry_run else None
    if record is not None:
        pushed = {change["path"]: have[change["path"]] for change in plan.changes}
        _remember(tree, pushed, tree.note_bases if ACTIVE in aliases else tree.note_staged)
    _warn_of_errors(contents, [change["path"] for change in plan.changes])
    _show(plan, record, dry_run=dry_run, as_json=as_json)


def _open(base: Path) -> LocalTree:
    from web_helper.middleend.local_tree import STATE_FOLDER, LocalTree

    check_base(base)
    tree = LocalTree(base)
    # Never push a mixed set that a synchronisation left when it was killed.
    if (tree.root / STATE_FOLDER).is_dir():
        with tree.lock():
            tree.recover()
    return tree


def _compare(client: ComponentClient, have: Mapping[str, str]) -> dict[str, Any]:
    """What the server says of these, SHA-256 by path, without any contents."""
    return client.negotiate({"have": have, "need": list(have), "follow_imports": False, "with_contents": False})


def _staged_under(alias: str, client: ComponentClient) -> dict[str, str]:
    return {row["path"]: row["hash"] for row in client.list_aliases() if row["alias"] == alias}


def _on_this_server(paths: Sequence[str], bases: Mapping[str, str], client: ComponentClient) -> list[str]:
    """Those whose last common version this server has: what was in common with another one says nothing here."""
    if not paths:
        return []
    known = _compare(client, {path: bases[path] for path in paths})["known"]
    return [path for path in paths if path in known]


def _overtaken(path: str) -> str:
    look, push = f"`synapse component diff {path}`", f"`synapse component push --force {path}`"
    reason = "on the server another version is active than the one that you synchronised or pushed last"
    return f"{path}: {reason}. {look} shows how yours differs, {push} pushes it."


def _remember(tree: LocalTree, pushed: Mapping[str, str], note: Callable[[Mapping[str, str]], None]) -> None:
    try:
        with tree.lock():
            note(pushed)
    except OSError as exc:
        warn(f"What was pushed could not be noted in {tree.root}: {exc.strerror}.")


def _warn_of_errors(contents: Mapping[str, bytes], paths: Sequence[str]) -> None:
    """Every content is kept, but what cannot be read keeps configs from being submitted: say it now."""
    from synapse_sdk.components.imports import imports_of

    with warnings.catch_warnings(action="ignore"):
        for path in paths[:MOST_PARSED]:
            try:
                imports_of(parse_component_path(path), contents[path])
            except ComponentError as exc:
                warn(f"{exc} No experiment can run with it.")


def _read(base: Path, wanted: list[str] | None) -> dict[str, bytes]:
    found = read_components(base)
    if wanted is None or not wanted:
        for reason in found.refused:
            warn(f"not pushed: {reason}")
        return {str(path): content for path, content in found.contents.items()}
    chosen = {}
    for component in map(check_component, wanted):
        if component not in found.contents:
            refused = next((each for each in found.refused if each.startswith(f"{component}:")), None)
            raise UsageError(refused or f"There is no {base / component.file}.")
        chosen[str(component)] = found.contents[component]
    return chosen


def _show(plan: PushPlan, record: dict[str, Any] | None, *, dry_run: bool, as_json: bool) -> None:
    paths = [change["path"] for change in plan.changes]
    if as_json:
        facts = {"pushed": [] if dry_run else paths, "would_push": paths if dry_run else [], "older": plan.older}
        print_json({**facts, "unchanged": plan.unchanged, "change_set": record and record["id"]})
        return
    for path in plan.older:
        warn(f"{path} is another version of the server's here; `synapse component activate` makes that the active one.")
    moved = {each["path"]: each["to_hash"] for each in (record or {}).get("changes", [])}
    columns = ("path", "hash") if moved else ("path",)
    if paths:
        print_table(columns, ([path, moved.get(path, "")][: len(columns)] for path in paths))
    verb = "would be pushed" if dry_run else "pushed"
    if record is not None and record["id"] is not None:
        verb += f" as change set {record['id']}"
    say(f"{len(paths)} {verb}, {plan.unchanged} unchanged, {len(plan.older)} older.")
