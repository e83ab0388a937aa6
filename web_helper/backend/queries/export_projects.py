"""Which projects an export of ground truth touches: its permission is theirs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.models import GroundTruthDataset, GroundTruthDatasetVersion


def projects_of_datasets(session: Session, dataset_ids: Sequence[int]) -> dict[int, int]:
    """Dataset → project, by primary key; unknown datasets are left out."""
    query = select(GroundTruthDataset.id, GroundTruthDataset.project_id).where(GroundTruthDataset.id.in_(dataset_ids))
    return {row[0]: row[1] for row in session.execute(query)}


def projects_of_versions(session: Session, version_ids: Sequence[int]) -> dict[int, int]:
    """Version → project, by primary key; unknown versions are left out."""
    query = (
        select(GroundTruthDatasetVersion.id, GroundTruthDataset.project_id)
        .join(GroundTruthDataset, GroundTruthDataset.id == GroundTruthDatasetVersion.dataset_id)
        .where(GroundTruthDatasetVersion.id.in_(version_ids))
    )
    return {row[0]: row[1] for row in session.execute(query)}
