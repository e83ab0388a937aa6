"""The history of a component as people read it: each version with who, when, why, and what ran with it."""

from __future__ import annotations

from synapse_sdk.components.names import is_name
from synapse_sdk.wire.components import ACTIVE, VersionMove, VersionStory, VersionUse
from web_helper.backend.core.problems import NotFoundProblem
from web_helper.backend.queries.components import stories as queries
from web_helper.backend.queries.components import versions
from web_helper.backend.queries.components.stories import ChangeRow
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.reading import check_category
from web_helper.backend.services.components.store import find_version

MAX_USES = 200


def tell_story(call: Call, category: str, name: str) -> list[VersionStory]:
    """Every version of a component, the newest first.

    Raises:
        NotFoundProblem: There is no such component.
    """
    check_category(category)
    rows = versions.history_of(call.session, category, name) if is_name(name) else []
    if not rows:
        raise NotFoundProblem.of("component", f"{category}/{name}.py")
    path = rows[0].path
    added = queries.additions_at(call.session, path)
    counts = queries.count_uses(call.session, [row.id for row in rows])
    aliases: dict[int, list[str]] = {row.id: [] for row in rows}
    for alias in versions.aliases_at(call.session, [path]):
        aliases[alias.version_id].append(alias.alias)
    moves: dict[int, list[VersionMove]] = {row.id: [] for row in rows}
    for move in queries.moves_to_versions_at(call.session, path):
        if move.version_id is not None:
            moves[move.version_id].append(_show_move(move))
    return [
        VersionStory(
            hash=row.hash,
            sha256=row.sha256,
            is_active=ACTIVE in aliases[row.id],
            aliases=aliases[row.id],
            created_at=row.created,
            added_by=added[row.id].email,
            kind=added[row.id].kind,
            reason=added[row.id].reason,
            moves=moves[row.id],
            experiment_count=counts.get(row.id, 0),
        )
        for row in rows
    ]


def list_uses(call: Call, name: str, path: str | None) -> list[VersionUse]:
    """The experiments that ran with a version, the newest first.

    Raises:
        NotFoundProblem: There is no such version.
    """
    found = find_version(call, name, path)
    same = versions.versions_of_hash(call.session, found.sha256, path)
    return [
        VersionUse(experiment_uid=row.uid, name=row.name, status=row.status, recorded_at=row.recorded)
        for row in queries.uses_of(call.session, [row.id for row in same], limit=MAX_USES)
    ]


def _show_move(row: ChangeRow) -> VersionMove:
    return VersionMove(
        alias=row.alias or ACTIVE,
        change_set_id=row.change_set_id,
        kind=row.kind,
        reason=row.reason,
        user=row.email,
        moved_at=row.created,
    )
