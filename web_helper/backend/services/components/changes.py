"""Changing the store: versions are added, aliases are moved, both in one transaction with its record, or not at all.

Every way in (upload, activation, change set, scan, rollback) ends in `apply_changes`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from synapse_sdk.components.digests import decode_component, sha256_of, short_hash
from synapse_sdk.components.names import ComponentPath, parse_component_path
from synapse_sdk.exceptions import ComponentError
from synapse_sdk.wire.accounts import Scope
from synapse_sdk.wire.components import ChangeSetKind
from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.components import blobs, writing
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.queries.components.history import manages_any_project
from web_helper.backend.queries.components.versions import HistoryRow, MeantRow
from web_helper.backend.queries.components.writing import NewMove, NewVersion
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.call import Call

# Distinguishes "must point to nothing" from "is not checked".
UNCHECKED = "unchecked"
# An old version is opened by opening those after it, up to this many.
VERSIONS_PER_CHAIN = 32


class FileContent(NamedTuple):
    """New bytes for a component, and what names them."""

    component: ComponentPath
    content: bytes
    sha256: str
    hash: str


class Wish(NamedTuple):
    """What shall be at one path: a content, and where aliases point.

    Attributes:
        hash: Names the version that the aliases shall point to, short or as SHA-256: that of `file` where there is one;
            None for no version.
        expected: What the aliases must point to now: a hash, None for nothing, or `UNCHECKED`.
        file: A content that the path shall have.
        moves_old: Whether the aliases come to a content that the path has already.
    """

    path: str
    hash: str | None
    aliases: Sequence[str]
    expected: str | None = UNCHECKED
    file: FileContent | None = None
    moves_old: bool = True


class AliasMove(NamedTuple):
    """An alias that points elsewhere now; None stands for no version."""

    path: str
    alias: str
    from_hash: str | None
    to_hash: str | None


@dataclass(frozen=True)
class Outcome:
    """What a change has done.

    Attributes:
        change_set_id: Its record; None when there was nothing to change.
        added: Paths with a new version.
        moves: The aliases that were moved.
        added_bytes: Of the new versions.
    """

    change_set_id: int | None
    added: frozenset[str] = frozenset()
    moves: tuple[AliasMove, ...] = ()
    added_bytes: int = 0


class _Step(NamedTuple):
    """One alias of a wish, None for a content without any, and what the store has to it."""

    wish: Wish
    alias: str | None
    meant: MeantRow


def require_component_author(call: Call) -> None:
    """Refuse those who may not decide what workers run: a manager of some project may, or an administrator."""
    require_scope(call.actor, Scope.WRITE)
    if not call.actor.is_admin and not manages_any_project(call.session, call.actor.user_id):
        raise PermissionProblem(
            "Components are code that workers run: adding or activating one needs the role 'manager' in a project."
        )


def check_path(text: str) -> ComponentPath:
    """The component of a path.

    Raises:
        ValidationProblem: It is no component's path.
    """
    try:
        return parse_component_path(text)
    except ComponentError as exc:
        raise ValidationProblem.of_field("path", str(exc)) from exc


def check_file(component: ComponentPath, content: bytes) -> FileContent:
    """Bytes that may be stored.

    Raises:
        ValidationProblem: Python could not read them.
    """
    try:
        decode_component(content)
    except ComponentError as exc:
        raise ValidationProblem.of_field(str(component), f"{exc}.") from exc
    return file_of(component, content)


def file_of(component: ComponentPath, content: bytes) -> FileContent:
    """Bytes that were checked, with what names them."""
    return FileContent(component, content, sha256_of(content), short_hash(content))


def apply_changes(call: Call, kind: ChangeSetKind, reason: str, wishes: Sequence[Wish]) -> Outcome:
    """Add versions, then move aliases: all of it, or nothing.

    Raises:
        ConflictProblem: An alias does not point where it was expected to, or two contents would share a short hash.
        NotFoundProblem: A wish names a version that the path does not have.
    """
    _refuse_doubles(wishes)
    writing.lock_store(call.session)
    steps = _look_up(call, wishes)
    new = {wish.path: wish.file for wish, _, meant in steps if wish.file is not None and _is_new(wish.file, meant)}
    _check_expected(steps)
    _check_meant(steps)
    moving = [step for step in steps if _is_moving(step)]
    if not new and not moving:
        return Outcome(None)
    set_id = writing.add_change_set(call.session, kind, call.actor.user_id, reason=reason, registered=len(new))
    added = _add(call, set_id, [*new.values()]) if new else {}
    moves = [_row_of(step, added) for step in moving]
    writing.move_aliases(call.session, set_id, moves)
    added_bytes = sum(len(file.content) for file in new.values())
    return Outcome(set_id, frozenset(new), tuple(_told(moving)), added_bytes)


def _refuse_doubles(wishes: Sequence[Wish]) -> None:
    contents = {(wish.path, wish.hash) for wish in wishes if wish.file is not None}
    moves = [(wish.path, alias) for wish in wishes for alias in wish.aliases or (None,)]
    names = [*(path for path, _ in contents), *moves]
    if len(set(names)) == len(names):
        return
    twice = Counter(names).most_common(1)[0][0]
    path, alias = (twice, None) if isinstance(twice, str) else twice
    name = path if alias is None else f"{alias} of {path}"
    raise ValidationProblem.of_field("changes", f"{name} is there twice; a set changes it once.")


def _look_up(call: Call, wishes: Sequence[Wish]) -> list[_Step]:
    """What the store has to every wish: asked once for each alias, of all paths."""
    asked: dict[str | None, dict[str, str | None]] = defaultdict(dict)
    for wish in wishes:
        for alias in wish.aliases or (None,):
            asked[alias][wish.path] = wish.hash
    meant = {alias: queries.find_meant(call.session, alias, names) for alias, names in asked.items()}
    return [_Step(wish, alias, meant[alias][wish.path]) for wish in wishes for alias in wish.aliases or (None,)]


def _is_new(file: FileContent, meant: MeantRow) -> bool:
    if meant.target_id is not None and meant.target_sha256 != file.sha256:
        raise ConflictProblem(
            f"{file.component}: this content and another version share the short hash {file.hash}, so nobody could "
            "tell them apart. Change the file by a character, a comment will do."
        )
    return meant.target_id is None


def _check_expected(steps: Sequence[_Step]) -> None:
    wrong = []
    for wish, alias, row in steps:
        if wish.expected == UNCHECKED or alias is None:
            continue
        names = (row.source_hash, row.source_sha256)
        # It may be there already: the answer to this very wish may have been lost.
        if wish.expected not in names and (wish.hash is None or wish.hash not in names):
            wrong.append(FieldError(field=wish.path, message=f"{alias} is {row.source_hash or 'nothing'} now."))
    if wrong:
        raise ConflictProblem(
            f"{len(wrong)} of the components changed since you looked, {wrong[0].field} for one; nothing was done. "
            "Look again, then repeat.",
            wrong,
        )


def _check_meant(steps: Sequence[_Step]) -> None:
    for wish, _, meant in steps:
        if meant.target_id is None and wish.hash is not None and wish.file is None:
            raise NotFoundProblem.of("version", f"{wish.hash} of {wish.path}")


def _is_moving(step: _Step) -> bool:
    wish, alias, meant = step
    if alias is None:
        return False
    if wish.file is not None and meant.target_id is None:
        return True
    return wish.moves_old and meant.source_id != meant.target_id


def _row_of(step: _Step, added: Mapping[str, int]) -> NewMove:
    wish, alias, meant = step
    target_id = meant.target_id if wish.file is None else added.get(wish.path, meant.target_id)
    return NewMove(wish.path, alias or "", meant.source_id, target_id)


def _told(moving: Iterable[_Step]) -> Iterator[AliasMove]:
    for wish, alias, meant in moving:
        to_hash = meant.target_hash if wish.file is None else wish.file.hash
        yield AliasMove(wish.path, alias or "", meant.source_hash, to_hash)


def _add(call: Call, set_id: int, files: Sequence[FileContent]) -> dict[str, int]:
    """New versions; their ids by path."""
    now = utc_now()
    contents = {file.sha256: file.content for file in files}
    before = queries.histories_at(call.session, [str(file.component) for file in files])
    were_there = blobs.find_stored(call.session, list(contents)) if before else set()
    blobs.add_blobs(call.session, contents, now)
    blobs.pack_older(call.session, dict(_packable([file for file in files if file.sha256 not in were_there], before)))
    new = [
        NewVersion(str(file.component), file.component.category.value, file.component.name, file.hash, file.sha256)
        for file in files
    ]
    return writing.add_versions(call.session, set_id, new, now)


def _packable(files: Iterable[FileContent], before: Iterable[HistoryRow]) -> Iterator[tuple[str, str]]:
    """The version before each new one, and the new one; now and then one stays alone, so that chains have an end."""
    ends = {row.path: row for row in before}
    for file in files:
        end = ends.get(str(file.component))
        if end is not None and end.version_count % VERSIONS_PER_CHAIN:
            yield end.newest_sha256, file.sha256
