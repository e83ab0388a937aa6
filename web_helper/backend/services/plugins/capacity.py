"""Would it fit? Asked at dispatch, from what the agent said last: what can never fit makes no job.

The agent asks again, right before it deploys, from what is free at that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from synapse_sdk.wire.serve import CapacityReason, ServeStatus
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.models import Agent
from web_helper.backend.models.serve_application import ServeApplication
from web_helper.backend.queries.plugins import serve_applications as queries

DEPLOYMENT = "deployment"
# A resource of a replica, and how the agent names what it has.
_TOTALS = {"num_cpus": "num_cpus", "num_gpus": "num_gpus", "memory": "memory_bytes"}
_HOLDS_NOTHING = frozenset({ServeStatus.DEPLOY_FAILED, ServeStatus.UNAVAILABLE})


def require_room(session: Session, agent: Agent, name: str, *, action: str, params: Mapping[str, Any]) -> None:
    """Refuse a deployment that does not fit on its agent.

    Args:
        session: The transaction.
        agent: Where it would run.
        name: The application's name; what it holds already counts as free.
        action: Only a deployment reserves anything.
        params: `num_cpus`, `num_gpus`, `memory` (bytes) of one replica, and `num_replicas`.

    Raises:
        ConflictProblem: It does not fit; the message says what falls short by how much.
    """
    if action != DEPLOYMENT:
        return
    held = [application for application in queries.applications_of(session, agent.id) if application.name != name]
    reasons = shortages(agent.capacity, held, params)
    if reasons:
        listed = ", ".join(f"{r.resource}: requested {r.requested:g}, available {r.available:g}" for r in reasons)
        raise ConflictProblem(
            f"{name} does not fit on agent {agent.name!r}: insufficient cluster capacity ([{listed}])."
        )


def shortages(
    capacity: Mapping[str, Any], held: list[ServeApplication], params: Mapping[str, Any]
) -> list[CapacityReason]:
    """What falls short; a resource that the agent said nothing about is left to the agent."""
    count, reasons = _number(params.get("num_replicas")) or 1, []
    for resource, total_name in _TOTALS.items():
        wanted, total = _number(params.get(resource)), _number(capacity.get(total_name))
        if wanted is None or total is None:
            continue
        promised = sum(_held(application, resource) for application in held)
        free = max(0.0, total - promised)
        if wanted * count > free + 1e-9:
            reasons.append(CapacityReason(resource=resource, requested=wanted * count, available=free))
    return reasons


def _held(application: ServeApplication, resource: str) -> float:
    if application.status in _HOLDS_NOTHING:
        return 0.0
    return (_number(application.resources.get(resource)) or 0.0) * application.num_replicas


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
