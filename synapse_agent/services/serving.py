"""Serve applications of this host: what may be deployed, how it is asked, what the server is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from synapse_agent.engines.serving.protocol import Reserved, ServeEngine
from synapse_sdk.exceptions import ConflictError, NotFoundError
from synapse_sdk.plugins.actions.inference.deployment import describe_reasons
from synapse_sdk.plugins.actions.inference.model_token import sign_model
from synapse_sdk.wire.serve import CapacityAnswer, CapacityRequest, ServeDeploy, ServeState


class CapacityGate(Protocol):
    """Says whether more fits."""

    def add_source(self, source: Callable[[], Iterable[Reserved]]) -> None:
        """Count in what someone promises."""

    def check(self, request: CapacityRequest) -> CapacityAnswer:
        """Whether it fits now, and what falls short by how much."""


class Serving:
    """The applications of this host.

    Args:
        engine: What serves them.
        capacity: Whether more fits; it counts in what the engine holds.
        key: With which tokens that name a model are signed.
    """

    def __init__(self, engine: ServeEngine, capacity: CapacityGate, key: str) -> None:
        self.engine = engine
        self.capacity = capacity
        self._key = key
        self._admission = threading.Lock()
        capacity.add_source(engine.held)

    def deploy(self, spec: ServeDeploy) -> ServeState:
        """Serve a class, or replace what runs under its name.

        Raises:
            ConflictError: It does not fit.
        """
        # Two that ask at once must not be promised the same cores.
        with self._admission:
            self._require_room(spec)
            return self.engine.deploy(spec)

    def delete(self, name: str) -> ServeState:
        """Let an application finish what it works on, then end it.

        Raises:
            NotFoundError: There is none of this name.
        """
        state = self.engine.delete(name)
        if state is None:
            raise _missing(name)
        return state

    def state(self, name: str) -> ServeState:
        """One application.

        Raises:
            NotFoundError: There is none of this name.
        """
        for state in self.engine.states():
            if state.name == name:
                return state
        raise _missing(name)

    def access(self, name: str, model: Mapping[str, Any] | None) -> dict[str, Any]:
        """Where an application is asked, and the token that names a model to it.

        Raises:
            NotFoundError: There is none of this name.
        """
        state = self.state(name)
        token = sign_model(model, self._key) if model is not None else None
        return {"endpoint": state.endpoint, "route_prefix": state.route_prefix, "token": token}

    def endpoint_of(self, route_prefix: str) -> str | None:
        """Where an application listens, by its prefix."""
        for state in self.engine.states():
            if state.route_prefix == route_prefix:
                return state.endpoint
        return None

    def _require_room(self, spec: ServeDeploy) -> None:
        request = CapacityRequest(
            kind="serve",
            num_cpus=spec.resources.num_cpus,
            num_gpus=spec.resources.num_gpus,
            memory=spec.resources.memory,
            num_replicas=spec.options.num_replicas,
            name=spec.name,
        )
        answer = self.capacity.check(request)
        if not answer.allowed:
            reasons = ", ".join(describe_reasons(reason.model_dump() for reason in answer.reasons))
            raise ConflictError(409, f"{spec.name} does not fit on this host now: {reasons}.")


def _missing(name: str) -> NotFoundError:
    return NotFoundError(404, f"This agent serves no application {name!r}; deploy it first.")
