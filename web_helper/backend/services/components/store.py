"""The component store as its endpoints know it: upload, activate, change sets, scan, rollback."""

from __future__ import annotations

from synapse_sdk.components.digests import is_hash, sha256_of
from synapse_sdk.wire.components import (
    ACTIVE,
    ChangeSetKind,
    ComponentActivate,
    ComponentActivateSet,
    ComponentChange,
    ComponentChangeSet,
    ComponentRollback,
    ComponentSetActivated,
    ComponentUpload,
)
from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.queries.components import history, writing
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.queries.components.moves import MoveRow, moves_at, moves_of, paths_moved_since
from web_helper.backend.queries.components.versions import VersionRow
from web_helper.backend.queries.experiments.devices import approved_uploads
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.changes import (
    UNCHECKED,
    FileContent,
    Outcome,
    Wish,
    apply_changes,
    check_file,
    check_path,
    require_component_author,
)
from web_helper.backend.services.components.disk import FoundFiles


def upload(call: Call, body: ComponentUpload) -> tuple[VersionRow, bool]:
    """Store a content at a path, and activate it unless told otherwise; whether it is new there."""
    require_component_author(call)
    file = check_file(check_path(body.path), body.content.encode())
    wish = Wish(body.path, file.hash, (ACTIVE,) if body.activate else (), file=file)
    outcome = apply_changes(call, ChangeSetKind.UPLOAD, body.reason, [wish])
    return find_version(call, file.hash, body.path), body.path in outcome.added


def activate(call: Call, body: ComponentActivate) -> VersionRow:
    """Make a version the active one of its path."""
    require_component_author(call)
    version = find_version(call, body.hash, body.path, is_path_needed=True)
    apply_changes(call, ChangeSetKind.ACTIVATE, body.reason, [Wish(version.path, version.hash, (ACTIVE,))])
    return version


def change(call: Call, body: ComponentChangeSet) -> Outcome:
    """Add versions and point aliases to them: the whole set, or nothing."""
    if call.actor.device_id is None:
        require_component_author(call)
    else:
        _require_approved(call, call.actor.device_id, body)
    wishes = [_wish_of(each) for each in body.changes]
    files = {wish.path: wish.file for wish in wishes if wish.file is not None}
    return apply_changes(
        call, ChangeSetKind.CHANGE, body.reason, [_join(wish, files.get(wish.path)) for wish in wishes]
    )


def register_scan(call: Call, found: FoundFiles, reason: str = "") -> Outcome:
    """Add and activate what is new on the server's disk. A content that the store has already moves nothing."""
    require_component_author(call)
    wishes = [Wish(str(each.component), each.hash, (ACTIVE,), file=each, moves_old=False) for each in found.files]
    return apply_changes(call, ChangeSetKind.SCAN, reason, wishes)


def undo_change_set(call: Call, set_id: int, reason: str) -> Outcome:
    """Point every alias of a change set to where it pointed before it.

    Raises:
        ConflictProblem: An alias was moved again since.
    """
    require_component_author(call)
    _source_of(call, set_id)
    moves = moves_of(call.session, [set_id])
    named = queries.versions_by_id(call.session, {each for move in moves for each in move[3:] if each is not None})

    def hash_of(version_id: int | None) -> str | None:
        return None if version_id is None else named[version_id].hash

    wishes = [
        Wish(move.path, hash_of(move.from_version_id), (move.alias,), hash_of(move.to_version_id)) for move in moves
    ]
    return apply_changes(call, ChangeSetKind.ROLLBACK, reason, wishes)


def activate_set(call: Call, set_id: int, body: ComponentActivateSet) -> ComponentSetActivated:
    """Point an alias to every version that a change set has pointed one to: by reference, however many they are.

    Raises:
        ConflictProblem: The set points to no version, or to two of a path, or an alias was moved since `expected`.
    """
    require_component_author(call)
    writing.lock_store(call.session)
    source_id = _source_of(call, set_id)
    brought = writing.find_brought(call.session, source_id)
    if brought is writing.Brought.NOTHING:
        raise ConflictProblem(
            f"Change set {set_id} points no name to a version, so there is nothing to activate. Let one point to them "
            "when they are uploaded: `synapse component push --alias next`."
        )
    if brought is writing.Brought.SEVERAL:
        raise ConflictProblem(f"Change set {set_id} points to two versions of a path; activate versions by name.")
    if body.expected is not None:
        _check_unmoved(call, source_id, body.alias, body.expected)
    moved = writing.point_to_set(call.session, source_id, body.alias)
    if not moved:
        return ComponentSetActivated(id=None, moved=0)
    made = writing.add_repeated_set(call.session, source_id, body.alias, call.actor.user_id, reason=body.reason)
    return ComponentSetActivated(id=made, moved=moved)


def roll_back(call: Call, body: ComponentRollback) -> Outcome:
    """Activate, for each path, the version that was active before the current one was."""
    require_component_author(call)
    writing.lock_store(call.session)
    before = {str(check_path(path)): _previous_of(call, path) for path in body.paths}
    versions = queries.versions_by_id(call.session, before.values())
    wishes = [Wish(path, versions[version].hash, (ACTIVE,)) for path, version in before.items()]
    return apply_changes(call, ChangeSetKind.ROLLBACK, body.reason, wishes)


def previous_version(moves: list[MoveRow]) -> int | None:
    """The version before the current one: going back again goes further back, going forward forgets what was undone."""
    passed: list[int | None] = []
    for move in moves:
        if move.to_version_id in passed:
            del passed[passed.index(move.to_version_id) + 1 :]
        else:
            passed.append(move.to_version_id)
    return passed[-2] if len(passed) > 1 else None


def find_version(call: Call, name: str, path: str | None = None, *, is_path_needed: bool = False) -> VersionRow:
    """The version that a short hash or a SHA-256 names.

    With `is_path_needed`, the same content at several paths is several versions, and the caller must choose.

    Raises:
        NotFoundProblem: There is none.
        ConflictProblem: It names several.
    """
    # What can be neither is not asked for: PostgreSQL takes no NUL.
    can_be = is_hash(name.lower()) and (path is None or path.isprintable())
    found = queries.versions_of_hash(call.session, name.lower(), path) if can_be else []
    if not found:
        raise NotFoundProblem.of("version", name if path is None else f"{name} of {path}")
    is_one = len({row.path if is_path_needed else row.sha256 for row in found}) == 1
    if not is_one:
        places = ", ".join(sorted(row.path for row in found))
        raise ConflictProblem(f"{name} is several versions ({places}); name the path.")
    return found[0]


def _source_of(call: Call, set_id: int) -> int:
    found = history.source_of(call.session, set_id) if 0 < set_id < 2**63 else None
    if found is None:
        raise NotFoundProblem.of("change set", set_id)
    return found


def _check_unmoved(call: Call, source_id: int, alias: str, expected: int) -> None:
    # What is where it shall be is not looked at: the answer to this very request may have been lost.
    waiting = writing.elsewhere(call.session, source_id, alias)
    moved = sorted(waiting.intersection(paths_moved_since(call.session, expected, alias)))
    if moved:
        wrong = [FieldError(field=path, message=f"{alias} was moved after change set {expected}.") for path in moved]
        raise ConflictProblem(
            f"{alias} was moved after change set {expected} at {len(moved)} of its paths, such as {moved[0]}; "
            "nothing was done. Look again, then repeat.",
            wrong,
        )


def _require_approved(call: Call, device_id: int, body: ComponentChangeSet) -> None:
    """A worker may upload what people have decided that it shall: this content, as the active one, and no other."""
    approved = approved_uploads(call.session, device_id)
    for each in body.changes:
        digest = None if each.content is None else sha256_of(each.content.encode())
        if (each.path, digest) not in approved or set(each.aliases) - {ACTIVE}:
            raise PermissionProblem(f"Nobody has decided that this worker shall upload its {each.path}.")


def _wish_of(item: ComponentChange) -> Wish:
    component = check_path(item.path)
    expected = item.expected if "expected" in item.model_fields_set else UNCHECKED
    aliases = tuple(dict.fromkeys(item.aliases))
    if item.content is None:
        if item.hash is None:
            raise ValidationProblem.of_field(item.path, "give a content, or the hash of a version that is there.")
        return Wish(item.path, item.hash, aliases, expected)
    file = check_file(component, item.content.encode())
    if item.hash is not None and item.hash not in (file.hash, file.sha256):
        raise ValidationProblem.of_field(item.path, f"the content is {file.hash}, not {item.hash} as announced.")
    return Wish(item.path, file.hash, aliases, expected, file)


def _join(wish: Wish, file: FileContent | None) -> Wish:
    """A wish that may name a content which another of its set brings."""
    if file is None or wish.hash not in (file.hash, file.sha256):
        return wish
    return wish._replace(hash=file.hash, file=file)


def _previous_of(call: Call, path: str) -> int:
    version = previous_version(moves_at(call.session, path, ACTIVE))
    if version is None:
        raise ConflictProblem(f"{path} has no earlier version that was active; nothing was done.")
    return version
