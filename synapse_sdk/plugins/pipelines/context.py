"""What a pipeline's actions have made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel


@dataclass
class PipelineContext:
    """What a pipeline's actions have made so far.

    Attributes:
        values: The first parameters, and over them every field of every result.
        results: Each action's result, by its name.
    """

    values: dict[str, Any]
    results: dict[str, Any] = field(default_factory=dict)

    def take(self, name: str, result: Any) -> None:
        """Keep an action's result; its fields become parameters of the actions that follow."""
        plain = result.model_dump() if isinstance(result, BaseModel) else result
        self.results[name] = plain
        if isinstance(plain, Mapping):
            self.values.update(plain)
