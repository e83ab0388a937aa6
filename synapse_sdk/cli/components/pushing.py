"""`synapse component push`: files of a working tree become versions, in one change set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse_sdk.cli.components.references import ACTIVE, check_component, open_components
from synapse_sdk.cli.connection import HostOption, JsonOption, TokenOption
from synapse_sdk.cli.failures import UsageError
from synapse_sdk.cli.output import print_json, print_table, say, warn
from synapse_sdk.components.digests import sha256_of
from synapse_sdk.components.local_tree import read_components
from synapse_sdk.components.names import KIT


@dataclass(frozen=True)
class PushPlan:
    """What a push would do.

    Attributes:
        changes: New contents, with the versions that they replace.
        older: Files whose content the server has as another version: pushing would take back what came later.
        unchanged: How many are on the server as they are here.
    """

    changes: tuple[dict[str, Any], ...]
    older: tuple[str, ...]
    unchanged: int


def plan_push(contents: Mapping[str, bytes], offer: Mapping[str, Any], aliases: Iterable[str]) -> PushPlan:
    """Decide from what is here and what the server answered to it."""
    changes, older, unchanged = [], [], 0
    for path, content in sorted(contents.items()):
        version = offer["versions"].get(path)
        if version is not None and path in offer["known"]:
            older.append(path)
        elif version is not None or path in offer["missing"]:
            expected = version["hash"] if version else None
            change = {"path": path, "content": content.decode(), "aliases": list(aliases), "expected": expected}
            changes.append(change)
        else:
            unchanged += 1
    return PushPlan(tuple(changes), tuple(older), unchanged)


def push_command(
    components: Annotated[list[str] | None, typer.Argument(help="Only these; all when absent.")] = None,
    *,
    base: Annotated[Path, typer.Option("--base", help="Folder that holds `cvlabkit`.")] = Path(),
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the log.")] = "",
    activate: Annotated[bool, typer.Option(help="Make them the active versions.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be pushed, and push nothing.")] = False,
    host: HostOption = None,
    token: TokenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push new contents of a working tree, all of them or none; what came later on the server is never taken back.

    Example: synapse component push loss/focal.py -m 'smoothed labels'
    """
    contents = _read(base, components)
    with open_components(host, token) as client:
        have = {path: sha256_of(content) for path, content in contents.items()}
        question = {"have": have, "need": list(have), "follow_imports": False, "with_contents": False}
        plan = plan_push(contents, client.negotiate(question), [ACTIVE] if activate else [])
        record = client.change(plan.changes, reason=reason) if plan.changes and not dry_run else None
    _show(plan, record, dry_run=dry_run, as_json=as_json)


def _read(base: Path, wanted: list[str] | None) -> dict[str, bytes]:
    if not (base / KIT).is_dir():
        raise UsageError(f"There is no folder {KIT} in {base.resolve()}; name the one that holds it with --base.")
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
        warn(f"{path} is an older version here; `synapse component activate` takes the server back to it.")
    moved = {each["path"]: each["to_hash"] for each in (record or {}).get("changes", [])}
    columns = ("path", "hash") if moved else ("path",)
    print_table(columns, ([path, moved.get(path, "")][: len(columns)] for path in paths))
    verb = "would be pushed" if dry_run else "pushed"
    say(f"{len(paths)} {verb}, {plan.unchanged} unchanged, {len(plan.older)} older.")
