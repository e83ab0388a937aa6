"""Changing the store: versions are added, aliases are moved, both in one transaction with its record, or not at all.

Every way in (upload, activation, change set, scan, rollback) ends in `apply_changes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from web_helper.backend.queries.components.versions import HistoryRow, NamedRow
from web_helper.backend.queries.components.writing import NewMove, NewVersion
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.call import Call

# Distinguishes "must point to nothing" from "is not checked".
UNCHECKED = "unchecked"
# An old version is opened by opening those after it, up to this many.
VERSIONS_PER_CHAIN = 32


@dataclass(frozen=True)
class FileContent:
    """New bytes for a component, and what names them."""

    component: ComponentPath
    content: bytes
    sha256: str
    hash: str


@dataclass(frozen=True)
class AliasWish:
    """Where aliases of one path shall point: to a version by hash, or to None.

    Attributes:
        expected: What they must point to now: a hash, None for nothing, or `UNCHECKED`.
    """

    path: str
    hash: str | None
    aliases: Sequence[str]
    expected: str | None = UNCHECKED


class AliasMove(NamedTuple):
    """An alias that points elsewhere now; None stands for no version."""

    path: str
    alias: str
    source: queries.PointerRow | None
    target: NamedRow | None


@dataclass(frozen=True)
class Outcome:
    """What a change has done.

    Attributes:
        change_set_id: Its record; None when there was nothing to change.
        added: Paths with a new version.
        moves: The aliases that were moved, in their order.
        versions: What was meant, by path and the hash that named it.
    """

    change_set_id: int | None
    added: frozenset[str] = frozenset()
    moves: tuple[AliasMove, ...] = ()
    versions: Mapping[tuple[str, str], NamedRow] = field(default_factory=dict)


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


def apply_changes(
    call: Call, kind: ChangeSetKind, reason: str, *, files: Sequence[FileContent] = (), wishes: Sequence[AliasWish] = ()
) -> Outcome:
    """Add versions, then move aliases: all of it, or nothing.

    Raises:
        ConflictProblem: An alias does not point where it was expected to, or two contents would share a short hash.
        NotFoundProblem: A wish names a version that the path does not have.
    """
    paths = sorted({str(file.component) for file in files} | {wish.path for wish in wishes})
    _refuse_doubles(files, wishes)
    writing.lock_store(call.session)
    known = _by_name(queries.versions_named(call.session, _names_of(files, wishes)))
    new = [file for file in files if _is_new(file, known)]
    current = {(row.path, row.alias): row for row in queries.pointers_at(call.session, paths)}
    _check_expected(wishes, current)
    if not new and not _differs(wishes, current):
        return Outcome(None, versions=_meant(files, wishes, known))
    set_id = writing.add_change_set(call.session, kind, call.actor.user_id, reason=reason, registered=len(new))
    if new:
        _add(call, set_id, new)
        known |= _by_name(queries.versions_named(call.session, _names_of(new, ())))
    meant = _meant(files, wishes, known)
    moves = tuple(_plan_moves(wishes, current, meant))
    writing.move_aliases(call.session, set_id, [_row_of(move) for move in moves])
    return Outcome(set_id, frozenset(str(file.component) for file in new), moves, meant)


def _refuse_doubles(files: Sequence[FileContent], wishes: Sequence[AliasWish]) -> None:
    moves = [f"{alias} of {wish.path}" for wish in wishes for alias in wish.aliases]
    for names in ([str(file.component) for file in files], moves):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ValidationProblem.of_field("changes", f"{twice[0]} is there twice; a set changes it once.")


def _names_of(files: Iterable[FileContent], wishes: Iterable[AliasWish]) -> set[tuple[str, str]]:
    """What may be there, by path and name; a content by its short hash, which no other of its path may have."""
    short = {(str(file.component), file.sha256): file.hash for file in files}
    wanted = {(wish.path, wish.hash) for wish in wishes if wish.hash is not None}
    return {(path, name) for (path, _), name in short.items()} | (wanted - short.keys())


def _by_name(rows: Iterable[NamedRow]) -> dict[tuple[str, str], NamedRow]:
    found = {}
    for row in rows:
        found[row.path, row.hash] = found[row.path, row.sha256] = row
    return found


def _is_new(file: FileContent, known: Mapping[tuple[str, str], NamedRow]) -> bool:
    row = known.get((str(file.component), file.hash))
    if row is not None and row.sha256 != file.sha256:
        raise ConflictProblem(
            f"{file.component}: this content and another version share the short hash {file.hash}, so nobody could "
            "tell them apart. Change the file by a character, a comment will do."
        )
    return row is None


def _check_expected(wishes: Sequence[AliasWish], current: Mapping[tuple[str, str], queries.PointerRow]) -> None:
    wrong = []
    for wish in wishes:
        for alias in wish.aliases if wish.expected != UNCHECKED else ():
            row = current.get((wish.path, alias))
            if row is not None and wish.hash in (row.hash, row.sha256):
                continue  # It is there already: the answer to this very wish may have been lost.
            if (row is None) != (wish.expected is None) or (row and wish.expected not in (row.hash, row.sha256)):
                wrong.append(FieldError(field=wish.path, message=f"{alias} is {row.hash if row else 'nothing'} now."))
    if wrong:
        raise ConflictProblem(
            f"{len(wrong)} of the components changed since you looked, {wrong[0].field} for one; nothing was done. "
            "Look again, then repeat.",
            wrong,
        )


def _differs(wishes: Sequence[AliasWish], current: Mapping[tuple[str, str], queries.PointerRow]) -> bool:
    return any(
        wish.hash not in ((row.hash, row.sha256) if row else (None,))
        for wish in wishes
        for alias in wish.aliases
        for row in (current.get((wish.path, alias)),)
    )


def _add(call: Call, set_id: int, files: Sequence[FileContent]) -> None:
    now = utc_now()
    contents = {file.sha256: file.content for file in files}
    were_there = blobs.find_stored(call.session, list(contents))
    before = queries.histories_at(call.session, [str(file.component) for file in files])
    blobs.add_blobs(call.session, contents, now)
    blobs.pack_older(call.session, dict(_packable([file for file in files if file.sha256 not in were_there], before)))
    new = (
        NewVersion(str(file.component), file.component.category.value, file.component.name, file.hash, file.sha256)
        for file in files
    )
    writing.add_versions(call.session, set_id, new, now)


def _packable(files: Iterable[FileContent], before: Iterable[HistoryRow]) -> Iterator[tuple[str, str]]:
    """The version before each new one, and the new one; now and then one stays alone, so that chains have an end."""
    ends = {row.path: row for row in before}
    for file in files:
        end = ends.get(str(file.component))
        if end is not None and end.version_count % VERSIONS_PER_CHAIN:
            yield end.newest_sha256, file.sha256


def _meant(
    files: Sequence[FileContent], wishes: Sequence[AliasWish], known: Mapping[tuple[str, str], NamedRow]
) -> dict[tuple[str, str], NamedRow]:
    names = [(str(file.component), file.sha256) for file in files]
    names += [(wish.path, wish.hash) for wish in wishes if wish.hash is not None]
    meant = {}
    for name in names:
        version = known.get(name)
        if version is None:
            raise NotFoundProblem.of("version", f"{name[1]} of {name[0]}")
        meant[name] = version
    return meant


def _plan_moves(
    wishes: Sequence[AliasWish],
    current: Mapping[tuple[str, str], queries.PointerRow],
    meant: Mapping[tuple[str, str], NamedRow],
) -> Iterator[AliasMove]:
    for wish in wishes:
        target = meant[wish.path, wish.hash] if wish.hash is not None else None
        for alias in wish.aliases:
            source = current.get((wish.path, alias))
            if (source and source.version_id) != (target and target.id):
                yield AliasMove(wish.path, alias, source, target)


def _row_of(move: AliasMove) -> NewMove:
    return NewMove(move.path, move.alias, move.source and move.source.version_id, move.target and move.target.id)
