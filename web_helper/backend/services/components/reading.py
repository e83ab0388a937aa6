"""What the component store shows: components, versions, their history, and what experiments ran with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.components.names import Category, is_name
from synapse_sdk.wire import components as wire
from synapse_sdk.wire.components import ACTIVE
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import ComponentChangeSet
from web_helper.backend.queries.components import blobs, history, writing
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.queries.components.moves import moves_at, moves_of
from web_helper.backend.queries.components.versions import VersionRow
from web_helper.backend.queries.experiments import experiments
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.changes import Outcome, check_path, require_component_author
from web_helper.backend.services.components.store import find_version

# Enough for a screen; `before` asks for more.
MAX_RECORDS = 200


def list_components(call: Call, category: str | None = None) -> list[wire.ComponentSummary]:
    """Every component, or those of a category, by path."""
    if category is not None:
        check_category(category)
    return [
        wire.ComponentSummary(
            path=row.path,
            category=row.category,
            name=row.name,
            active_hash=row.active_hash,
            version_count=row.version_count,
            updated_at=max(row.newest, row.activated or row.newest),
        )
        for row in queries.summaries(call.session, category)
    ]


def check_category(category: str) -> None:
    """Refuse what is no category."""
    if category not in set(Category):
        raise NotFoundProblem.of("category", category)


def read_history(call: Call, category: str, name: str, *, with_content: bool = False) -> list[wire.ComponentVersion]:
    """The versions of a component, the newest first."""
    check_category(category)
    rows = queries.history_of(call.session, category, name) if is_name(name) else []
    if not rows:
        raise NotFoundProblem.of("component", f"{category}/{name}.py")
    return show_versions(call, rows, with_content=with_content)


def read_version(call: Call, name: str, path: str | None = None) -> wire.ComponentVersion:
    """One version by its hash, with its content; where several paths have it, an active one is shown."""
    found = find_version(call, name, path)
    same = queries.versions_of_hash(call.session, found.sha256, path)
    shown = show_versions(call, same, with_content=True)
    return next((version for version in shown if version.is_active), shown[0])


def show_versions(call: Call, rows: Sequence[VersionRow], *, with_content: bool = False) -> list[wire.ComponentVersion]:
    """Versions as the API shows them."""
    active = queries.aliases_at(call.session, sorted({row.path for row in rows}), ACTIVE)
    active_ids = {row.version_id for row in active}
    contents = blobs.contents_of(call.session, (row.sha256 for row in rows)) if with_content else {}
    return [
        wire.ComponentVersion(
            hash=row.hash,
            path=row.path,
            category=row.category,
            name=row.name,
            is_active=row.id in active_ids,
            created_at=row.created,
            content=contents[row.sha256].decode() if with_content else None,
        )
        for row in rows
    ]


def diff(call: Call, body: wire.ComponentDiffRequest) -> wire.ComponentDiff:
    """Two versions beside each other."""
    before, after = (find_version(call, name, body.path) for name in (body.from_hash, body.to_hash))
    contents = blobs.contents_of(call.session, (before.sha256, after.sha256))
    return wire.ComponentDiff(
        from_hash=before.hash,
        to_hash=after.hash,
        from_content=contents[before.sha256].decode(),
        to_content=contents[after.sha256].decode(),
        path=after.path,
    )


def list_aliases(call: Call, path: str | None) -> list[wire.ComponentAlias]:
    """Where aliases point, at one path or everywhere."""
    paths = None if path is None else [str(check_path(path))]
    return [
        wire.ComponentAlias(path=row.path, alias=row.alias, hash=row.hash, updated_at=row.changed)
        for row in queries.aliases_at(call.session, paths)
    ]


def list_changes(call: Call, path: str | None, before: int | None, limit: int) -> list[wire.ComponentChangeRecord]:
    """Change sets, the newest first; those that touched a path, if one is named."""
    if path is not None:
        check_path(path)
    rows = history.change_sets(call.session, path=path, before=before, limit=limit)
    return _show_changes(call, rows, path)


def show_outcome(call: Call, outcome: Outcome, kind: wire.ChangeSetKind) -> dict[str, Any]:
    """What a change has done, as its record shows it (`ComponentChangeRecord`).

    Of plain values: thousands of models would cost more than all else that a change does.
    """
    row = None if outcome.change_set_id is None else call.session.get(ComponentChangeSet, outcome.change_set_id)
    # What was done is known: asking for thousands of moves and versions again would cost more than doing it.
    changes = [move._asdict() for move in outcome.moves]
    return {
        "id": None if row is None else row.id,
        "kind": kind,
        "reason": "" if row is None else row.reason,
        "user": None if row is None else call.actor.email,
        "created_at": None if row is None else row.created,
        "registered": 0 if row is None else row.registered,
        "changes": changes,
    }


def _show_changes(call: Call, rows: Sequence[ComponentChangeSet], path: str | None) -> list[wire.ComponentChangeRecord]:
    shown: dict[int, list[wire.AliasChange]] = {row.id: [] for row in rows}
    moves = moves_of(call.session, [*shown]) if path is None else moves_at(call.session, path)
    users = history.emails_of(call.session, [row.user_id for row in rows if row.user_id is not None])
    named = queries.versions_by_id(call.session, {each for move in moves for each in move[3:] if each is not None})
    for move in moves:
        if move.change_set_id in shown:
            hashes = [named[each].hash if each is not None else None for each in move[3:]]
            change = wire.AliasChange(path=move.path, alias=move.alias, from_hash=hashes[0], to_hash=hashes[1])
            shown[move.change_set_id].append(change)
    return [_record_of(row, users.get(row.user_id or 0), shown[row.id]) for row in rows]


def _record_of(
    row: ComponentChangeSet, user: str | None, changes: list[wire.AliasChange]
) -> wire.ComponentChangeRecord:
    return wire.ComponentChangeRecord(
        id=row.id,
        kind=row.kind,
        reason=row.reason,
        user=user,
        created_at=row.created,
        registered=row.registered,
        changes=changes,
    )


def read_manifest(call: Call, uid: str) -> wire.ComponentManifest:
    """What an experiment ran with."""
    manifest = history.manifest_of(call.session, uid)
    if manifest is None:
        raise NotFoundProblem.of("manifest of experiment", uid)
    components = {path: name for path, (_, name) in history.manifest_versions(call.session, uid).items()}
    return wire.ComponentManifest(experiment_uid=uid, components=components, created_at=manifest.created)


def save_manifest(call: Call, uid: str, components: dict[str, Any]) -> int:
    """Keep what an experiment runs with. The same again is fine; anything else is refused: a manifest never changes.

    Raises:
        ValidationProblem: A path is none, or has no such version.
        ConflictProblem: The experiment has another manifest.
    """
    experiment = experiments.experiment_of(call.session, uid)
    if call.actor.device_id is None:
        require_component_author(call)
    elif experiment is None or experiment.device_id != call.actor.device_id:
        raise PermissionProblem(f"Experiment {uid} is not one that this worker was given.")
    wanted = {str(check_path(path)): str(name).lower() for path, name in components.items()}
    versions: dict[str, int] = {}
    rows = queries.versions_at(call.session, list(wanted))
    for row in rows:
        if wanted[row.path] in (row.hash, row.sha256):
            versions[row.path] = row.id
    if missing := sorted(set(wanted) - set(versions)):
        raise ValidationProblem.of_field(missing[0], f"has no version {wanted[missing[0]]}; upload it first.")
    if experiment is not None:
        frozen = {path: each["sha256"] for path, each in experiments.components_of(call.session, experiment).items()}
        if frozen != {row.path: row.sha256 for row in rows if row.id == versions.get(row.path)}:
            raise ConflictProblem(f"Experiment {uid} was submitted with other versions than these; they never change.")
    writing.lock_store(call.session)
    if history.manifest_of(call.session, uid) is None:
        writing.add_manifest(call.session, uid, call.actor.user_id, versions)
    elif {path: each[0] for path, each in history.manifest_versions(call.session, uid).items()} != versions:
        raise ConflictProblem(f"Experiment {uid} has a manifest with other versions; a manifest never changes.")
    return len(versions)
