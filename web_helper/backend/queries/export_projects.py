"""The project of an export: which one ground truth belongs to, for permission is the project's, and which one it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from web_helper.backend.models import GroundTruthDataset, GroundTruthDatasetVersion, Project


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


def created_of(session: Session, project_id: int) -> datetime | None:
    """When the project was made, by primary key; None when it is gone."""
    return session.scalar(select(Project.created).where(Project.id == project_id))
