"""Projects, their members and tags, and who sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, aliased

from web_helper.backend.models import (
    GroundTruth,
    GroundTruthDataset,
    GroundTruthDatasetVersion,
    GroundTruthEvent,
    Member,
    Project,
    Role,
    Tag,
    Task,
    User,
)
from web_helper.backend.queries.filters import Condition, Listing, common_filters, contains_text, integers, strings

# With what hangs on them, about a second of work.
ROWS_AT_ONCE = 10_000
# No row of these is looked at afterwards.
_BLIND = {"synchronize_session": False}


def is_member(project_id: Any, user_id: int) -> Condition:
    """The user has a role in the project.

    Asked per row: a list of memberships would tempt the database into collecting and sorting all visible rows for
    every page, where walking the key and asking for each row stops at the end of the page.
    """
    membership = aliased(Member)
    return select(membership.id).where(membership.project_id == project_id, membership.user_id == user_id).exists()


def _named(text: str) -> Condition:
    named = contains_text(User.name, User.email)(text)
    return Member.user_id.in_(select(User.id).where(named))


LISTING = Listing(
    noun="projects",
    entity=Project,
    keys=(Project.id,),
    filters=common_filters(Project.id, contains_text(Project.name), searched="the name"),
    visible_to=lambda user_id: is_member(Project.id, user_id),
)
MEMBERS = Listing(
    noun="members",
    entity=Member,
    keys=(Member.id,),
    filters={
        **common_filters(Member.id, _named, searched="the user's name or e-mail address"),
        "project": integers(Member.project_id, "Members of these projects."),
        "user": integers(Member.user_id, "Memberships of these users."),
        "role": strings(Member.role, "The role in the project.", [role.value for role in Role]),
    },
    visible_to=lambda user_id: is_member(Member.project_id, user_id),
)
TAGS = Listing(
    noun="tags",
    entity=Tag,
    keys=(Tag.id,),
    filters={
        **common_filters(Tag.id, contains_text(Tag.name), searched="the name"),
        "project": integers(Tag.project_id, "Tags of these projects."),
    },
    visible_to=lambda user_id: is_member(Tag.project_id, user_id),
)


def find_role(session: Session, project_id: int, user_id: int) -> Role | None:
    """The user's role in the project (index: unique project_id, user_id)."""
    statement = select(Member.role).where(Member.project_id == project_id, Member.user_id == user_id)
    role = session.scalar(statement)
    return Role(role) if role is not None else None


def find_member(session: Session, project_id: int, user_id: int) -> Member | None:
    """The membership of a user in a project."""
    return session.scalar(select(Member).where(Member.project_id == project_id, Member.user_id == user_id))


def lock_project(session: Session, project_id: int) -> Project | None:
    """A project, held against other writers until the transaction ends."""
    return session.scalar(select(Project).where(Project.id == project_id).with_for_update())


def has_project_named(session: Session, name: str) -> bool:
    """Whether a project has this name."""
    return session.scalar(select(Project.id).where(Project.name == name)) is not None


def tags_by_name(session: Session, project_id: int, names: Iterable[str]) -> dict[str, Tag]:
    """A project's tags of these names (index: unique project_id, name)."""
    statement = select(Tag).where(Tag.project_id == project_id, Tag.name.in_(list(names)))
    return {tag.name: tag for tag in session.scalars(statement)}


def has_tasks(session: Session, project_id: int) -> bool:
    """Whether the project has any work (index: project_id, id)."""
    return session.scalar(select(Task.id).where(Task.project_id == project_id).limit(1)) is not None


def delete_some_rows(session: Session, project_id: int) -> bool:
    """Delete the next of the rows of which a project has many; whether none of them are left.

    A released version goes whole, and first: what is left of it must not look like it.
    """
    left = ROWS_AT_ONCE
    datasets = select(GroundTruthDataset.id).where(GroundTruthDataset.project_id == project_id)
    released = GroundTruthDatasetVersion
    one = select(released.id, released.event_count).where(released.dataset_id.in_(datasets)).limit(1)
    while left > 0 and (version := session.execute(one).first()) is not None:
        session.execute(delete(released).where(released.id == version[0]), execution_options=_BLIND)
        left -= version[1] + 1
    for key, is_of_project in (
        (GroundTruth.id, GroundTruth.dataset_id.in_(datasets)),
        (GroundTruthEvent.pgh_id, GroundTruthEvent.dataset_id.in_(datasets)),
        (Task.id, Task.project_id == project_id),
    ):
        if left > 0:
            some = select(key).where(is_of_project).limit(left)
            gone: Any = session.execute(delete(key.class_).where(key.in_(some)), execution_options=_BLIND)
            left -= gone.rowcount
    return left > 0
