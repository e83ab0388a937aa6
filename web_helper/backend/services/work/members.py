"""Members: who has which role in a project."""

from __future__ import annotations

from synapse_sdk.wire.accounts import MemberChange, MemberCreate
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem
from web_helper.backend.models import Member, Role
from web_helper.backend.queries.work import projects
from web_helper.backend.services.access import has_role, require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.work.accounts import find_user


def add_member(call: Call, body: MemberCreate) -> Member:
    """Give a user a role in a project."""
    require_role(call, body.project, Role.ADMIN)
    user = find_user(call, body.user, body.email)
    if projects.find_member(call.session, body.project, user.id) is not None:
        raise ConflictProblem(f"User {user.id} is a member of project {body.project} already; change the role instead.")
    member = Member(project_id=body.project, user_id=user.id, role=body.role)
    call.session.add(member)
    call.session.flush()
    return member


def change_member(call: Call, member_id: int, body: MemberChange) -> Member:
    """Change a member's role."""
    member = _find_member(call, member_id)
    member.role = body.role
    call.session.flush()
    return member


def remove_member(call: Call, member_id: int) -> None:
    """End a membership; what the user did stays."""
    call.session.delete(_find_member(call, member_id))


def _find_member(call: Call, member_id: int) -> Member:
    member = call.session.get(Member, member_id)
    if member is None or not has_role(call, member.project_id, Role.VIEWER):
        raise NotFoundProblem.of("member", member_id)
    require_role(call, member.project_id, Role.ADMIN)
    return member
