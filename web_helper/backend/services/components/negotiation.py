"""One request for everything that a worker lacks: what it has goes in, what differs comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from synapse_sdk.components.imports import Closure, Import, follow_imports, imports_of
from synapse_sdk.components.names import ComponentPath
from synapse_sdk.wire.components import ComponentNegotiation, ComponentOffer, OfferedVersion, UnresolvedImport
from web_helper.backend.core.problems import ValidationProblem
from web_helper.backend.queries.components import blobs, history
from web_helper.backend.queries.components import versions as queries
from web_helper.backend.queries.components.moves import paths_moved_since
from web_helper.backend.services.call import Call
from web_helper.backend.services.components.changes import check_path

# Digits of what fits into a row's id.
LONGEST_ID = 18
# What versions import, which never changes: every worker asks, and to parse one takes a millisecond or two.
_IMPORTS: dict[tuple[ComponentPath, str], Sequence[Import]] = {}
MOST_IMPORTS = 20_000
# Hash and SHA-256 of a version, and of those that are wanted, by path.
Version = tuple[str, str]
Wanted = Mapping[str, Version]


@dataclass(frozen=True)
class Offered:
    """What a worker must get so that it has what it needs; its contents, SHA-256 of each, are not in `offer`."""

    offer: ComponentOffer
    digests: frozenset[str]


def negotiate(call: Call, body: ComponentNegotiation, state: str) -> Offered:
    """What a worker must get.

    Args:
        call: Who asks.
        body: What the worker has and needs.
        state: What `read_state` has told in this transaction.
    """
    for path in (*body.have, *(body.need or ())):
        check_path(path)
    wanted = find_wanted(call, body.alias, body.pinned, body.need)
    asked = [*dict.fromkeys([*(wanted if body.need is None else body.need), *body.pinned])]
    asked += [path for path in body.have if path not in wanted] if body.need is None else []
    roots = [check_path(path) for path in asked]

    def find(path: str) -> Version | None:
        # Imports lead anywhere; what they do not lead to is not looked up.
        if path not in wanted:
            wanted.update(queries.contents_named_by(call.session, body.alias, [path]))
        return wanted.get(path)

    closure = close_over(call, roots, find) if body.follow_imports else Closure(tuple(roots), ())
    paths = [str(component) for component in closure.components]
    differing = {path: wanted[path] for path in paths if path in wanted and wanted[path][1] != body.have.get(path)}
    missing = [path for path in asked if path not in wanted]
    was_asked = set(asked)
    offer = ComponentOffer(
        # Out of the database, ten thousand of them: nothing to validate.
        versions={
            path: OfferedVersion.model_construct(hash=name, sha256=digest) for path, (name, digest) in differing.items()
        },
        contents={},
        known=_known_contents(call, body.have, [*differing, *missing]),
        needed=[path for path in paths if path not in was_asked],
        missing=missing,
        unresolved=[
            UnresolvedImport(
                origin=each.origin,
                line=each.line,
                reason=each.reason,
                path=None if each.component is None else str(each.component),
            )
            for each in closure.unresolved
        ],
        state=state,
    )
    return Offered(offer, frozenset(digest for _, digest in differing.values() if body.with_contents))


def find_changed(call: Call, since: str) -> list[str] | None:
    """Paths at which aliases were moved since a state; None when this store was never in it."""
    number, _, _ = since.partition("-")
    if not number.isdecimal() or len(number) > LONGEST_ID:
        return None
    made = history.made_at(call.session, int(number))
    is_known = made is not None and _name_state(int(number), made) == since
    return paths_moved_since(call.session, int(number)) if is_known else None


def read_state(call: Call) -> str:
    """What names the store's state; whoever reads anything else afterwards has this state or a newer one.

    Every version and every move belongs to a change set, and none is ever deleted. The time tells apart a database that
    was put back from a copy.
    """
    newest = history.newest_change_set(call.session)
    return "empty" if newest is None else _name_state(*newest)


def _name_state(change_set_id: int, created: datetime) -> str:
    return f"{change_set_id}-{created.isoformat()}"


def find_wanted(
    call: Call, alias: str, pinned: Mapping[str, str], paths: Sequence[str] | None = None
) -> dict[str, Version]:
    """The version of each component, or of these, that is wanted: what the alias names, unless another is pinned.

    Raises:
        ValidationProblem: There is no such version.
    """
    wanted = queries.contents_named_by(call.session, alias, paths)
    found = {}
    for row in queries.versions_at(call.session, [str(check_path(path)) for path in pinned]):
        if pinned[row.path] in (row.hash, row.sha256):
            found[row.path] = (row.hash, row.sha256)
    if missing := sorted(set(pinned) - set(found)):
        raise ValidationProblem.of_field(missing[0], f"has no version {pinned[missing[0]]}.")
    return wanted | found


def close_over(call: Call, roots: Sequence[ComponentPath], find: Callable[[str], Version | None]) -> Closure:
    """Everything that the roots need, themselves first.

    Args:
        call: Who asks.
        roots: Where to begin.
        find: Gives the wanted version of a path, None when there is none.
    """

    def read(component: ComponentPath) -> Sequence[Import] | None:
        version = find(str(component))
        return None if version is None else _imports_of(call, component, version[1])

    return follow_imports(roots, read)


def _imports_of(call: Call, component: ComponentPath, digest: str) -> Sequence[Import]:
    found = _IMPORTS.get((component, digest))
    if found is None:
        found = imports_of(component, blobs.contents_of(call.session, [digest])[digest])
        if len(_IMPORTS) >= MOST_IMPORTS:
            _IMPORTS.clear()
        _IMPORTS[component, digest] = found
    return found


def _known_contents(call: Call, have: Mapping[str, str], paths: Sequence[str]) -> list[str]:
    """Paths whose local content the store has too: as an older version, or one that is not in use."""
    return sorted(queries.paths_that_hold(call.session, {path: have[path] for path in paths if path in have}))
