"""Data units with their files."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from web_helper.backend.models import DataUnit, DataUnitFile, GroundTruthEvent, Task
from web_helper.backend.queries.data.collections import sees_collection
from web_helper.backend.queries.filters import Listing, common_filters, contains_text, exact, integers

WITH_FILES = selectinload(DataUnit.files).joinedload(DataUnitFile.data_file)

LISTING = Listing(
    noun="data units",
    entity=DataUnit,
    keys=(DataUnit.id,),
    filters={
        **common_filters(DataUnit.id, contains_text(DataUnit.name), searched="the name"),
        "data_collection": integers(DataUnit.data_collection_id, "Units of these collections."),
        "key": exact(DataUnit.key, "The unit that was imported under this key."),
    },
    visible_to=lambda user_id: sees_collection(DataUnit.data_collection_id, user_id),
    loads=(WITH_FILES,),
)


def is_annotated(session: Session, unit_id: int) -> bool:
    """Whether a task or the history of a ground truth refers to the unit."""
    has_task = select(Task.id).where(Task.data_unit_id == unit_id).limit(1)
    has_event = select(GroundTruthEvent.pgh_id).where(GroundTruthEvent.data_unit_id == unit_id).limit(1)
    return session.scalar(has_task) is not None or session.scalar(has_event) is not None


def units_of_ids(session: Session, ids: Sequence[int]) -> dict[int, DataUnit]:
    """Units with their files, by primary key."""
    query = select(DataUnit).options(WITH_FILES).where(DataUnit.id.in_(ids))
    return {unit.id: unit for unit in session.scalars(query.execution_options(populate_existing=True))}
