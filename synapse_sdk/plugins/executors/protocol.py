"""What every executor can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from synapse_sdk.plugins.action import BaseAction


class ExecutorProtocol(Protocol):
    """Runs an action somewhere and answers its result."""

    def execute(self, action: type[BaseAction[Any]] | str, params: Mapping[str, Any], **options: Any) -> Any:
        """Run an action, given as its class or its entrypoint.

        Raises:
            PluginValidationError: The parameters do not fit the action's model.
            ExecutionError: The action failed.
        """
