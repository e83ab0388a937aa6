"""Submitting a config: its grid becomes experiments in the queue. And running one again, with what was recorded."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from synapse_sdk.wire.accounts import Scope
from synapse_sdk.wire.experiments import ExperimentReproduce, ExperimentStatus, ExperimentSubmit
from web_helper.backend.core.problems import PermissionProblem
from web_helper.backend.models import RANKS, ExperimentSubmission
from web_helper.backend.models.base import utc_now
from web_helper.backend.queries.components.history import manages_any_project
from web_helper.backend.queries.experiments import experiments as queries
from web_helper.backend.services.access import require_scope
from web_helper.backend.services.call import Call
from web_helper.backend.services.experiments.freezing import MAX_LABEL, FrozenRun, label_of
from web_helper.backend.services.experiments.reading import find_experiment

# 80 random bits, in letters that nobody mistakes for each other; the database refuses one that is there.
UID_LENGTH = 16
UID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


def require_submitter(call: Call) -> None:
    """Refuse those who may not decide what workers run: a manager of some project may, or an administrator."""
    require_scope(call.actor, Scope.WRITE)
    if not call.actor.is_admin and not manages_any_project(call.session, call.actor.user_id):
        raise PermissionProblem("Experiments run on the lab's machines: this needs the role 'manager' in a project.")


def create_uid() -> str:
    """A name for a new experiment."""
    return "".join(secrets.choice(UID_LETTERS) for _ in range(UID_LENGTH))


def find_made(call: Call, key: str | None) -> list[str]:
    """What this user's key has made already."""
    return [] if key is None else queries.uids_of_key(call.session, _own_key(call, key) or "")


def add_grid(call: Call, body: ExperimentSubmit, runs: Sequence[FrozenRun]) -> list[str]:
    """The runs as experiments, in their order; all of them, or none."""
    require_submitter(call)
    if made := find_made(call, body.key):
        return made
    now = utc_now()
    waits = None if body.expires_in_seconds is None else timedelta(seconds=body.expires_in_seconds)
    common = {
        "status": ExperimentStatus.PENDING if body.hold else ExperimentStatus.QUEUED,
        "rank": RANKS[body.priority],
        "wanted_device": body.device,
        "reproduces": None,
        "expires": None if waits is None else now + waits,
    }
    stem = PurePath(body.file).stem or "experiment"
    rows = [
        _row_of(call, run, common)
        | {
            "grid": number,
            "name": body.name or label_of(run.data.get("run_name"), stem),
            "project": body.project or label_of(run.data.get("project"), ""),
        }
        for number, run in enumerate(runs)
    ]
    queries.add_component_sets(call.session, {run.component_set: run.components for run in runs})
    return _add(call, rows, body.key, file=body.file, config=body.config)


def reproduce(call: Call, uid: str, body: ExperimentReproduce) -> str:
    """A new experiment with exactly the components, the config and the seed of another."""
    require_submitter(call)
    if made := find_made(call, body.key):
        return made[0]
    origin = find_experiment(call, uid, with_documents=True)
    submission = queries.submission_of(call.session, origin.submission_id)
    run = {
        "config": origin.config,
        "config_sha256": origin.config_sha256,
        "seed": origin.seed,
        "choices": origin.choices,
        "component_set": origin.component_set,
        "grid": 0,
        "name": origin.name,
        "project": origin.project,
    }
    common = {
        "status": ExperimentStatus.QUEUED,
        "rank": RANKS[body.priority],
        "wanted_device": body.device,
        "reproduces": origin.uid,
        "expires": None,
    }
    row = run | common | _defaults(call, utc_now())
    return _add(call, [row], body.key, file=submission.file, config=submission.config)[0]


def _row_of(call: Call, run: FrozenRun, common: Mapping[str, Any]) -> dict[str, Any]:
    own = {
        "config": run.config,
        "config_sha256": run.config_sha256,
        "seed": run.seed,
        "choices": run.choices,
        "component_set": run.component_set,
    }
    return {**own, **common, **_defaults(call, utc_now())}


def _defaults(call: Call, now: datetime) -> dict[str, Any]:
    none = dict.fromkeys(("device_id", "exit_code", "manifest", "started", "finished"))
    zero = dict.fromkeys(("attempt", "log_size", "metrics_size"), 0)
    return {**none, **zero, "uid": create_uid(), "message": "", "user_id": call.actor.user_id, "created": now}


def _add(call: Call, rows: Sequence[Mapping[str, Any]], key: str | None, *, file: str, config: str) -> list[str]:
    submission = ExperimentSubmission(
        key=_own_key(call, key), file=file[:MAX_LABEL], config=config, grid_size=len(rows)
    )
    call.session.add(submission)
    call.session.flush()
    queries.add_experiments(call.session, [{**row, "submission_id": submission.id} for row in rows])
    return [row["uid"] for row in rows]


def _own_key(call: Call, key: str | None) -> str | None:
    return None if key is None else f"{call.actor.user_id}:{key}"
