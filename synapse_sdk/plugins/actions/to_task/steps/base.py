"""What the steps of a pre-annotation have in common."""

from __future__ import annotations

from synapse_sdk.plugins.actions.to_task.context import ToTaskContext
from synapse_sdk.plugins.steps import NamedStep


class ToTaskStep(NamedStep[ToTaskContext]):
    """A step of a pre-annotation."""
