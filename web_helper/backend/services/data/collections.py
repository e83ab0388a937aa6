"""Data collections and their file specifications."""

from __future__ import annotations

from collections.abc import Sequence

from synapse_sdk.wire.data import DataCollectionChange, DataCollectionCreate, SpecificationCreate
from web_helper.backend.core.problems import ConflictProblem, PermissionProblem, ValidationProblem
from web_helper.backend.models import DataCollection, FileSpecification
from web_helper.backend.queries.data import collections as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.lists import read_row


def require_manager(call: Call, collection_id: int) -> DataCollection:
    """The collection, when the caller may change it: its maker, managers of projects over it, administrators."""
    collection: DataCollection = read_row(call, queries.LISTING, collection_id)
    if not call.actor.is_admin and not queries.manages_collection(call.session, collection_id, call.actor.user_id):
        raise PermissionProblem(f"Data collection {collection_id} can be changed by managers of its projects only.")
    return collection


def create_collection(call: Call, body: DataCollectionCreate) -> DataCollection:
    """Add a collection; without specifications its units may have one image."""
    drafts = body.file_specifications or [SpecificationCreate(name="image", is_required=False, is_primary=True)]
    _refuse_drafts(drafts)
    collection = DataCollection(
        name=body.name,
        description=body.description,
        created_by_id=call.actor.user_id,
        file_specifications=[FileSpecification(**draft.model_dump()) for draft in drafts],
    )
    call.session.add(collection)
    call.session.flush()
    return collection


def update_collection(call: Call, collection_id: int, body: DataCollectionChange) -> DataCollection:
    """Change a collection. Specifications may be added; those that units may use already stay."""
    collection = require_manager(call, collection_id)
    collection.name = collection.name if body.name is None else body.name
    collection.description = collection.description if body.description is None else body.description
    if body.file_specifications is not None:
        _replace_specifications(call, collection, body.file_specifications)
    call.session.flush()
    return collection


def delete_collection(call: Call, collection_id: int) -> None:
    """Delete a collection that nothing stands on."""
    collection = require_manager(call, collection_id)
    if queries.is_used(call.session, collection_id):
        raise ConflictProblem(f"Data collection {collection_id} has data units or projects; delete those first.")
    call.session.delete(collection)


def _replace_specifications(call: Call, collection: DataCollection, drafts: Sequence[SpecificationCreate]) -> None:
    _refuse_drafts(drafts)
    wanted = {draft.name: draft for draft in drafts}
    present = {specification.name: specification for specification in collection.file_specifications}
    has_units = queries.has_units(call.session, collection.id)
    gone = [name for name in present if name not in wanted]
    if gone and has_units:
        raise ConflictProblem(f"Data collection {collection.id} has data units: {', '.join(gone)} cannot be removed.")
    for name, draft in wanted.items():
        if name not in present:
            if draft.is_required and has_units:
                raise ConflictProblem(f"The data units there are have no {name!r}; add it with is_required false.")
            collection.file_specifications.append(FileSpecification(**draft.model_dump()))
        else:
            row = present[name]
            row.file_type, row.is_required, row.is_primary = draft.file_type, draft.is_required, draft.is_primary
    for name in gone:
        collection.file_specifications.remove(present[name])


def _refuse_drafts(drafts: Sequence[SpecificationCreate]) -> None:
    names = [draft.name for draft in drafts]
    if len(set(names)) < len(names):
        raise ValidationProblem.of_field("file_specifications", "two have the same name.")
    if sum(draft.is_primary for draft in drafts) > 1:
        raise ValidationProblem.of_field("file_specifications", "only one can be the primary one.")
