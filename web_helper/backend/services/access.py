"""Who may do what: the scopes of a key, and the roles of its owner in a project."""

from __future__ import annotations

from synapse_sdk.wire.accounts import Scope
from web_helper.backend.core.problems import NotFoundProblem, PermissionProblem
from web_helper.backend.models import Role
from web_helper.backend.queries.work import projects
from web_helper.backend.services.call import Actor, Call

_RANKS = {role: rank for rank, role in enumerate(Role)}


_INCLUDED_IN = {
    Scope.READ: {Scope.READ, Scope.WRITE, Scope.ADMIN},
    Scope.WRITE: {Scope.WRITE, Scope.ADMIN},
    Scope.ADMIN: {Scope.ADMIN},
}


def has_scope(actor: Actor, scope: Scope) -> bool:
    """Whether the key may do this kind of thing."""
    return not _INCLUDED_IN[scope].isdisjoint(actor.scopes)


def require_scope(actor: Actor, scope: Scope) -> None:
    """Refuse a key that was not made for this."""
    if not has_scope(actor, scope):
        raise PermissionProblem(f"This access token lacks the scope {scope.value!r}; create one that has it.")


def require_admin(actor: Actor) -> None:
    """Refuse everyone but administrators with a key for it."""
    if not actor.is_admin:
        raise PermissionProblem("Only an administrator may do this.")
    require_scope(actor, Scope.ADMIN)


def role_in(call: Call, project_id: int) -> Role | None:
    """The caller's role in a project; an administrator has the highest everywhere."""
    if call.actor.is_admin:
        return Role.ADMIN
    return projects.find_role(call.session, project_id, call.actor.user_id)


def has_role(call: Call, project_id: int, role: Role) -> bool:
    """Whether the caller has at least this role in the project."""
    held = role_in(call, project_id)
    return held is not None and _RANKS[held] >= _RANKS[role]


def require_role(call: Call, project_id: int, role: Role) -> None:
    """Refuse callers below a role; to those who are no members at all the project does not exist."""
    held = role_in(call, project_id)
    if held is None:
        raise NotFoundProblem.of("project", project_id)
    if _RANKS[held] < _RANKS[role]:
        raise PermissionProblem(
            f"Project {project_id} needs the role {role.value!r} for this; yours is {held.value!r}."
        )
