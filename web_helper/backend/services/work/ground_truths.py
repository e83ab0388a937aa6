"""Ground truth: curating data sets, with every change as an event, and releasing versions that never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

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
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.data import data_units
from web_helper.backend.queries.work import curation
from web_helper.backend.queries.work.ground_truths import DATASETS, TRUTHS
from web_helper.backend.services.access import require_role
from web_helper.backend.services.call import Call
from web_helper.backend.services.exports.snapshots import begin_snapshot
from web_helper.backend.services.lists import read_row
from web_helper.backend.services.work.tasks import encode_for, project_of

# Between two steps of a collection: longer than one waits for the database.
SILENCE = timedelta(seconds=90)


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


@dataclass(frozen=True)
class Collecting:
    """How far a collection has got.

    Attributes:
        outcome: What it came to so far.
        after: The last data unit that it has seen; None when it is over.
        moment: When that was; None before it begins.
    """

    outcome: CollectOutcome
    after: int | None = 0
    moment: datetime | None = None


NOTHING_COLLECTED = Collecting(CollectOutcome(inserted=0, updated=0, unchanged=0))


def collect_some(call: Call, dataset_id: int, body: CollectRequest, so_far: Collecting) -> Collecting:
    """Copy the next completed assignments of the data set's project into it, in the order of their data units.

    Raises:
        ConflictProblem: Somebody else collects into it.
    """
    dataset = find_dataset(call, dataset_id, Role.MANAGER)
    if "project" in body.filter:
        raise ValidationProblem.of_field("project", "is the data set's own; leave it out.")
    curation.lock_dataset(call.session, dataset)
    _refuse_second_collection(dataset, so_far.moment)
    span = curation.next_span(call.session, dataset, so_far.after or 0)
    inserted, updated, unchanged = curation.collect(call.session, dataset, body.filter, span)
    dataset.collecting = None if span.upto is None else utc_now()
    call.session.flush()
    outcome = CollectOutcome(
        inserted=so_far.outcome.inserted + inserted,
        updated=so_far.outcome.updated + updated,
        unchanged=so_far.outcome.unchanged + unchanged,
    )
    return Collecting(outcome, span.upto, dataset.collecting)


def release(call: Call, dataset_id: int, body: ReleaseRequest) -> GroundTruthDatasetVersion:
    """Fix the data set's present state as a version, and have its bundle made."""
    dataset = find_dataset(call, dataset_id, Role.MANAGER)
    curation.lock_dataset(call.session, dataset)
    if dataset.collecting is not None:
        raise ConflictProblem(
            f"Data set {dataset.id} is being collected, or that broke off: wait for its end, or collect it again."
        )
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


def _refuse_second_collection(dataset: GroundTruthDataset, moment: datetime | None) -> None:
    """Refuse while another one goes on; one that has been silent for long has broken off, and is done anew."""
    if dataset.collecting == moment:
        return
    is_silent = dataset.collecting is not None and utc_now() - dataset.collecting > SILENCE
    if moment is not None or not is_silent:
        raise ConflictProblem(
            f"Data set {dataset.id} is being collected already. Wait for its end; one that broke off can be repeated "
            f"after {SILENCE.seconds} seconds."
        )


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
