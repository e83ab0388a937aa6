"""Data collections, and who sees them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from web_helper.backend.models import DataCollection, DataUnit, Member, Project, Role
from web_helper.backend.queries.filters import Condition, Listing, common_filters, contains_text


def _collections_of_member(user_id: int, roles: tuple[Role, ...]) -> Any:
    return (
        select(Project.data_collection_id)
        .join(Member, Member.project_id == Project.id)
        .where(Member.user_id == user_id, Member.role.in_(roles), Project.data_collection_id.is_not(None))
    )


def sees_collection(collection_id: Any, user_id: int) -> Condition:
    """The user made the collection, or is a member of a project over it."""
    made = select(DataCollection.id).where(DataCollection.created_by_id == user_id)
    return or_(collection_id.in_(made), collection_id.in_(_collections_of_member(user_id, tuple(Role))))


LISTING = Listing(
    noun="data collections",
    entity=DataCollection,
    keys=(DataCollection.id,),
    filters=common_filters(DataCollection.id, contains_text(DataCollection.name), searched="the name"),
    visible_to=lambda user_id: sees_collection(DataCollection.id, user_id),
    loads=(selectinload(DataCollection.file_specifications),),
)


def manages_collection(session: Session, collection_id: int, user_id: int) -> bool:
    """Whether the user made the collection, or manages a project over it."""
    managed = _collections_of_member(user_id, (Role.MANAGER, Role.ADMIN))
    query = select(DataCollection.id).where(
        DataCollection.id == collection_id,
        or_(DataCollection.created_by_id == user_id, DataCollection.id.in_(managed)),
    )
    return session.scalar(query) is not None


def has_units(session: Session, collection_id: int) -> bool:
    """Whether the collection has any data unit."""
    query = select(DataUnit.id).where(DataUnit.data_collection_id == collection_id).limit(1)
    return session.scalar(query) is not None


def is_used(session: Session, collection_id: int) -> bool:
    """Whether a project or a data unit stands on the collection."""
    has_project = select(Project.id).where(Project.data_collection_id == collection_id).limit(1)
    return session.scalar(has_project) is not None or has_units(session, collection_id)
