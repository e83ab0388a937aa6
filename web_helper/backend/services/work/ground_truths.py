"""Ground truth: curating data sets, with every change as an event, and releasing versions that never change."""

from __future__ import annotations

from synapse_sdk.wire.ground_truth import (
    CollectOutcome,
    CollectRequest,
    GroundTruthChange,
    GroundTruthCreate,
    GroundTruthDatasetChange,
    GroundTruthDatasetCreate,
    ReleaseRequest,
)
from web_helper.backend.core.problems import ConflictProblem, ValidationProblem
from web_helper.backend.models import (
    EventLabel,
    GroundTruth,
    GroundTruthDataset,
    GroundTruthDatasetVersion,
    GroundTruthEvent,
    Role,
)
from web_helper.backend.queries.data import data_units
from web_helper.backend.queries.work import curation
from web_helper.backend.queries.work.ground_truths import DATASETS, TRUTHS
from web_helper.backend.services.access import require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.exports.snapshots import begin_snapshot
from web_helper.backend.services.lists import read_row
from web_helper.backend.services.work.tasks import encode_for, project_of


def find_dataset(call: Call, dataset_id: int, role: Role) -> GroundTruthDataset:
    """A data set of a project in which the caller has at least this role."""
    dataset: GroundTruthDataset = read_row(call, DATASETS, dataset_id)
    require_role(call, dataset.project_id, role)
    return dataset


def create_dataset(call: Call, body: GroundTruthDatasetCreate) -> GroundTruthDataset:
    """Start a data set in a project."""
    require_role(call, body.project, Role.MANAGER)
    _refuse_taken_name(call, body.project, body.name)
    dataset = GroundTruthDataset(project_id=body.project, name=body.name, description=body.description)
    call.session.add(dataset)
    call.session.flush()
    return dataset


def change_dataset(call: Call, dataset_id: int, body: GroundTruthDatasetChange) -> GroundTruthDataset:
    """Change a data set's name or description."""
    dataset = find_dataset(call, dataset_id, Role.MANAGER)
    if body.name is not None and body.name != dataset.name:
        _refuse_taken_name(call, dataset.project_id, body.name)
        dataset.name = body.name
    if body.description is not None:
        dataset.description = body.description
    call.session.flush()
    return dataset


def delete_dataset(call: Call, dataset_id: int) -> None:
    """Delete a data set from which nothing was released."""
    dataset = find_dataset(call, dataset_id, Role.ADMIN)
    if curation.has_versions(call.session, dataset.id):
        raise ConflictProblem(f"Data set {dataset.id} has released versions, which are kept; it cannot be deleted.")
    call.session.delete(dataset)


def collect(call: Call, dataset_id: int, body: CollectRequest) -> CollectOutcome:
    """Copy completed assignments of the data set's project into it."""
    dataset = find_dataset(call, dataset_id, Role.MANAGER)
    if "project" in body.filter:
        raise ValidationProblem.of_field("project", "is the data set's own; leave it out.")
    curation.lock_dataset(call.session, dataset.id)
    inserted, updated, unchanged = curation.collect(call.session, dataset, body.filter)
    return CollectOutcome(inserted=inserted, updated=updated, unchanged=unchanged)


def release(call: Call, dataset_id: int, body: ReleaseRequest) -> GroundTruthDatasetVersion:
    """Fix the data set's present state as a version, and have its bundle made."""
    dataset = find_dataset(call, dataset_id, Role.MANAGER)
    curation.lock_dataset(call.session, dataset.id)
    if curation.has_version_named(call.session, dataset.id, body.name):
        raise ConflictProblem(f"Data set {dataset.id} has a version {body.name!r} already; versions never change.")
    version = GroundTruthDatasetVersion(dataset_id=dataset.id, name=body.name, description=body.description)
    call.session.add(version)
    call.session.flush()
    version.event_count = curation.release(call.session, version)
    call.session.flush()
    begin_snapshot(call, dataset, version)
    return version


def create_truth(call: Call, body: GroundTruthCreate) -> GroundTruth:
    """Add the truth about one data unit."""
    dataset = find_dataset(call, body.dataset, Role.MANAGER)
    project = project_of(call, dataset.project_id)
    unit = read_row(call, data_units.LISTING, body.data_unit)
    if unit.data_collection_id != project.data_collection_id:
        raise ConflictProblem(f"Data unit {unit.id} is not in the data collection of project {project.id}.")
    if curation.truth_of_unit(call.session, dataset.id, unit.id) is not None:
        raise ConflictProblem(f"Data set {dataset.id} has a truth about data unit {unit.id} already; change that one.")
    truth = GroundTruth(dataset_id=dataset.id, data_unit_id=unit.id, data=encode_for(project, body.data))
    call.session.add(truth)
    call.session.flush()
    _log(call, truth, EventLabel.INSERT)
    return truth


def change_truth(call: Call, truth_id: int, body: GroundTruthChange) -> GroundTruth:
    """Replace a truth's annotations; the same ones again are no change."""
    truth = _find_truth(call, truth_id)
    dataset = call.session.get_one(GroundTruthDataset, truth.dataset_id)
    data = encode_for(project_of(call, dataset.project_id), body.data)
    if data != truth.data:
        truth.data = data
        _log(call, truth, EventLabel.UPDATE)
    return truth


def delete_truth(call: Call, truth_id: int) -> None:
    """Take a truth out of its data set; versions that hold it keep it."""
    truth = _find_truth(call, truth_id)
    _log(call, truth, EventLabel.DELETE)
    call.session.delete(truth)


def _find_truth(call: Call, truth_id: int) -> GroundTruth:
    truth: GroundTruth = read_row(call, TRUTHS, truth_id)
    find_dataset(call, truth.dataset_id, Role.MANAGER)
    return truth


def _log(call: Call, truth: GroundTruth, label: EventLabel) -> None:
    call.session.add(
        GroundTruthEvent(
            pgh_label=label,
            ground_truth_id=truth.id,
            dataset_id=truth.dataset_id,
            data_unit_id=truth.data_unit_id,
            data=truth.data,
        )
    )
    call.session.flush()


def _refuse_taken_name(call: Call, project_id: int, name: str) -> None:
    if curation.has_dataset_named(call.session, project_id, name):
        raise ConflictProblem(f"Project {project_id} has a ground truth data set {name!r} already.")
