"""Moving experiments from state to state: the one place that writes a state, by the one table."""

from __future__ import annotations

from sqlalchemy.orm import Session

from synapse_sdk.wire.experiments import ExperimentStatus, GridMoved
from web_helper.backend.core.event_log import log_event
from web_helper.backend.core.problems import ConflictProblem, NotFoundProblem, PermissionProblem
from web_helper.backend.models import Device, Experiment
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.experiments import experiments as queries
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.submitting import require_submitter
from web_helper.backend.services.experiments.transitions import Event, next_status

# In these a worker has begun a run, and keeps it when it is paused.
_BEGUN = frozenset({ExperimentStatus.RUNNING, ExperimentStatus.CRASHED})
# In these nobody holds a run.
_FREE = frozenset({ExperimentStatus.QUEUED, ExperimentStatus.PENDING})


def move(experiment: Experiment, event: Event, message: str | None = None) -> None:
    """Let something happen to an experiment whose row is locked.

    Raises:
        ConflictProblem: In its state this cannot happen.
    """
    before = ExperimentStatus(experiment.status)
    after = next_status(before, event)
    if after is None:
        raise ConflictProblem(f"Experiment {experiment.uid} is {before.value}; {event.value} is not possible now.")
    if after is before:
        return
    experiment.status = after
    experiment.message = message if message is not None else ""
    experiment.finished = utc_now() if after.has_ended else None
    experiment.was_paused = before is ExperimentStatus.PAUSED and after is ExperimentStatus.CRASHED
    if after in _FREE or (after is ExperimentStatus.PAUSED and before not in _BEGUN):
        # What its last worker says of it from now on is refused.
        experiment.device_id = None
    log_event("experiment_moved", uid=experiment.uid, status=after.value, cause=event.value)


def act(call: Call, uid: str, event: Event) -> None:
    """What a person wants to become of an experiment: its submitter, or an administrator.

    Raises:
        PermissionProblem: It is somebody else's.
        ConflictProblem: In its state this cannot happen.
    """
    require_submitter(call)
    experiment = lock(call.session, uid)
    _check_owner(call, experiment)
    move(experiment, _meant(event, experiment), _message_of(call, event))


def act_on_grid(call: Call, uid: str, event: Event) -> GridMoved:
    """The same for every run that was submitted together with this one, as far as its state allows it.

    Raises:
        NotFoundProblem: There is none.
        PermissionProblem: They are somebody else's.
    """
    require_submitter(call)
    runs = queries.locked_grid(call.session, uid)
    if not runs:
        raise NotFoundProblem.of("experiment", uid)
    _check_owner(call, runs[0])
    possible = [run for run in runs if _moves(run, event)]
    for run in possible:
        move(run, _meant(event, run), _message_of(call, event))
    return GridMoved(moved=len(possible), left=len(runs) - len(possible))


def _moves(experiment: Experiment, event: Event) -> bool:
    return next_status(ExperimentStatus(experiment.status), _meant(event, experiment)) not in (None, experiment.status)


def _check_owner(call: Call, experiment: Experiment) -> None:
    if not call.actor.is_admin and experiment.user_id != call.actor.user_id:
        raise PermissionProblem(
            f"Experiment {experiment.uid} is somebody else's; its submitter or an administrator may do this."
        )


def _meant(event: Event, experiment: Experiment) -> Event:
    return Event.RELEASE if event is Event.RESUME and experiment.device_id is None else event


def _message_of(call: Call, event: Event) -> str | None:
    by = "Cancelled" if event is Event.CANCEL else "Paused" if event is Event.PAUSE else ""
    return f"{by} by {call.actor.email}." if by else None


def lock(session: Session, uid: str) -> Experiment:
    """One experiment, locked until the transaction ends.

    Raises:
        NotFoundProblem: There is none.
    """
    experiment = queries.locked_experiment(session, uid)
    if experiment is None:
        raise NotFoundProblem.of("experiment", uid)
    return experiment


def lock_attempt(session: Session, device: Device, uid: str, attempt: int) -> Experiment:
    """One experiment that this device holds, in this very attempt, locked.

    Raises:
        ConflictProblem: It is another's, or another attempt.
    """
    experiment = lock(session, uid)
    if experiment.device_id != device.id or experiment.attempt != attempt:
        raise ConflictProblem(
            f"Attempt {attempt} of experiment {uid} is not {device.host_id}'s any more (it is "
            f"{ExperimentStatus(experiment.status).value}, attempt {experiment.attempt}); end that run."
        )
    return experiment
