"""What the nine steps have in common, and the one question that decides which of them work."""

from __future__ import annotations

from synapse_sdk.plugins.actions.export.context import ExportContext
from synapse_sdk.plugins.steps import NamedStep


class ExportStep(NamedStep[ExportContext]):
    """A step of an export."""


def is_delegated(context: ExportContext) -> bool:
    """Whether the server gathers the data of this export."""
    return context.delegation_decision is not None and context.delegation_decision.is_delegated
