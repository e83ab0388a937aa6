"""A run from its worker's side: it begins with what was verified, and it ends."""

from __future__ import annotations

from synapse_sdk.wire.experiments import ExperimentManifest, ExperimentStatus, RunComplete, RunOutcome, RunStart
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.models import Device, Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.components import history, writing
from web_helper.backend.queries.components import versions as version_queries
from web_helper.backend.queries.experiments import experiments as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.moving import lock_attempt, move
from web_helper.backend.services.experiments.transitions import Event

_EVENTS = {
    RunOutcome.COMPLETED: Event.COMPLETE,
    RunOutcome.FAILED: Event.FAIL,
    RunOutcome.CANCELLED: Event.CANCEL,
    RunOutcome.CRASHED: Event.LOSE,
}


def start(call: Call, device: Device, uid: str, body: RunStart) -> None:
    """A run begins: from here on its manifest stands.

    Raises:
        ConflictProblem: It is another's attempt, it has not exactly what was frozen, or it has begun with another
            manifest.
    """
    experiment = lock_attempt(call.session, device, uid, body.attempt)
    manifest = body.manifest.model_dump(mode="json")
    if experiment.manifest is not None:
        if experiment.manifest != manifest:
            raise ConflictProblem(f"Experiment {uid} has another manifest; a manifest never changes.")
        return
    _require_frozen(call, device, experiment, body.manifest)
    move(experiment, Event.START)
    experiment.manifest = manifest
    experiment.started = utc_now()
    _keep_components(call, experiment, body.manifest)


def complete(call: Call, device: Device, uid: str, body: RunComplete) -> None:
    """A run has ended. What was cancelled meanwhile stays so."""
    experiment = lock_attempt(call.session, device, uid, body.attempt)
    move(experiment, _EVENTS[body.status], body.message)
    if experiment.status == ExperimentStatus.CRASHED:
        # Also over what was said of it when it was given up.
        experiment.is_crash_told, experiment.message = True, body.message
    if body.exit_code is not None:
        experiment.exit_code = body.exit_code
    call.session.flush()


def _require_frozen(call: Call, device: Device, experiment: Experiment, manifest: ExperimentManifest) -> None:
    frozen = queries.components_of(call.session, experiment)
    there = {path: each.model_dump() for path, each in manifest.components.items()}
    differing = sorted(path for path in frozen.keys() | there.keys() if frozen.get(path) != there.get(path))
    if differing:
        raise ConflictProblem(
            f"Experiment {experiment.uid} does not start: {len(differing)} of its components are not those that were "
            f"frozen for it, {differing[0]} for one."
        )
    if manifest.config_sha256 != experiment.config_sha256 or manifest.seed not in (None, experiment.seed):
        raise ConflictProblem(f"Experiment {experiment.uid} does not start: its config is not the one of its job.")
    if manifest.host != device.host_id:
        raise ConflictProblem(f"Experiment {experiment.uid} does not start: {manifest.host} is not its device.")


def _keep_components(call: Call, experiment: Experiment, manifest: ExperimentManifest) -> None:
    """The same in the manifest of `/api/components`, which may be there already."""
    if history.manifest_of(call.session, experiment.uid) is not None:
        return
    rows = version_queries.versions_at(call.session, list(manifest.components))
    versions = {row.path: row.id for row in rows if row.sha256 == manifest.components[row.path].sha256}
    writing.add_manifest(call.session, experiment.uid, call.actor.user_id, versions)
