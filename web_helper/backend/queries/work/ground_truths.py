"""Ground truth: what lists of data sets, versions, truths and events can select.

Events of one version walk the primary key of `ground_truth_version_events`; all others walk `pgh_id`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from web_helper.backend.models import (
    DataUnit,
    EventLabel,
    GroundTruth,
    GroundTruthDataset,
    GroundTruthDatasetVersion,
    GroundTruthEvent,
    VersionEvent,
)
from web_helper.backend.queries.filters import (
    Condition,
    Filter,
    Kind,
    Listing,
    Walk,
    alias,
    common_filters,
    contains_text,
    integers,
    is_any_of,
    strings,
)
from web_helper.backend.queries.work.projects import is_member


def _dataset_of_member(column: Any, user_id: int) -> Condition:
    visible = select(GroundTruthDataset.id).where(is_member(GroundTruthDataset.project_id, user_id))
    condition: Condition = column.in_(visible)
    return condition


def _in_versions(version_ids: list[int]) -> Condition:
    inside = select(VersionEvent.pgh_id).where(is_any_of(VersionEvent.version_id, version_ids))
    return GroundTruthEvent.pgh_id.in_(inside)


def _walk_version(version_ids: list[int]) -> Walk | None:
    if len(version_ids) != 1:
        return None
    return Walk(
        VersionEvent,
        (VersionEvent.pgh_id == GroundTruthEvent.pgh_id) & (VersionEvent.version_id == version_ids[0]),
        (VersionEvent.pgh_id,),
    )


def project_of_event() -> Any:
    """Column of the project that an event's data set belongs to."""
    project = select(GroundTruthDataset.project_id).where(GroundTruthDataset.id == GroundTruthEvent.dataset_id)
    return project.correlate(GroundTruthEvent).scalar_subquery()


def _unit_named(entity: Any) -> Any:
    return lambda text: entity.data_unit.has(DataUnit.name.icontains(text, autoescape=True))


DATASETS = Listing(
    noun="ground truth datasets",
    entity=GroundTruthDataset,
    keys=(GroundTruthDataset.id,),
    filters={
        **common_filters(GroundTruthDataset.id, contains_text(GroundTruthDataset.name), searched="the name"),
        "project": integers(GroundTruthDataset.project_id, "Data sets of these projects."),
    },
    visible_to=lambda user_id: is_member(GroundTruthDataset.project_id, user_id),
)
VERSIONS = Listing(
    noun="ground truth dataset versions",
    entity=GroundTruthDatasetVersion,
    keys=(GroundTruthDatasetVersion.id,),
    filters={
        **common_filters(
            GroundTruthDatasetVersion.id, contains_text(GroundTruthDatasetVersion.name), searched="the name"
        ),
        "dataset": integers(GroundTruthDatasetVersion.dataset_id, "Versions of these data sets."),
    },
    visible_to=lambda user_id: _dataset_of_member(GroundTruthDatasetVersion.dataset_id, user_id),
)

_OF_DATASET = integers(GroundTruth.dataset_id, "Truths of these data sets.")
TRUTHS = Listing(
    noun="ground truths",
    entity=GroundTruth,
    keys=(GroundTruth.id,),
    filters={
        **common_filters(GroundTruth.id, _unit_named(GroundTruth), searched="the data unit's name"),
        "dataset": _OF_DATASET,
        "ground_truth_dataset": alias("dataset", _OF_DATASET),
        "data_unit": integers(GroundTruth.data_unit_id, "Truths about these data units."),
    },
    visible_to=lambda user_id: _dataset_of_member(GroundTruth.dataset_id, user_id),
)

_OF_VERSION = Filter(Kind.INTEGERS, _in_versions, "Events of these released versions.", walk=_walk_version)
EVENTS = Listing(
    noun="ground truth events",
    entity=GroundTruthEvent,
    keys=(GroundTruthEvent.pgh_id,),
    sort_name="pgh_id",
    filters={
        **common_filters(GroundTruthEvent.pgh_id, _unit_named(GroundTruthEvent), searched="the data unit's name"),
        "ground_truth_dataset_version": _OF_VERSION,
        "ground_truth_dataset_versions": alias("ground_truth_dataset_version", _OF_VERSION),
        "dataset": integers(GroundTruthEvent.dataset_id, "Events of these data sets."),
        "ground_truth": integers(GroundTruthEvent.ground_truth_id, "The history of these truths."),
        "pgh_label": strings(GroundTruthEvent.pgh_label, "What happened.", [label.value for label in EventLabel]),
    },
    visible_to=lambda user_id: _dataset_of_member(GroundTruthEvent.dataset_id, user_id),
)
