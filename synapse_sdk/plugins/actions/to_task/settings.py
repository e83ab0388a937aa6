"""How a pre-annotation works, apart from what it works on: each setting is found in five places.

A setting `concurrency` is looked up as the parameter `concurrency`, then as `to_task_concurrency` in `extra_params` and
in the action's section of config.yaml, then as `SYNAPSE_TO_TASK_CONCURRENCY` in the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from synapse_sdk.exceptions import ConfigurationError


@dataclass(frozen=True)
class ToTaskSettings:
    """How widely and how patiently tasks are annotated.

    Attributes:
        concurrency: Tasks that are worked on at once. Files are mostly parsed, which is no faster with more threads; a
            model that answers over the network is.
        batch_size: Tasks that are fetched in one request, and at most submitted in one.
        timeout_seconds: How long a deployed pre-processor may take until it is RUNNING.
        poll_interval_seconds: Pause between two looks at it.
    """

    concurrency: int = field(default=8, metadata={"range": (1, 256)})
    batch_size: int = field(default=500, metadata={"range": (1, 500)})
    timeout_seconds: float = field(default=180.0, metadata={"range": (0.001, 86_400)})
    poll_interval_seconds: float = field(default=10.0, metadata={"range": (0.001, 3_600)})


def resolve_settings(params: Mapping[str, Any], *, config: Mapping[str, Any], env: Mapping[str, Any]) -> ToTaskSettings:
    """Find every setting: parameter, `extra_params`, config.yaml, environment, default.

    Raises:
        ConfigurationError: A value is no number, or out of its range.
    """
    extra: Mapping[str, Any] = params.get("extra_params") or {}
    values: dict[str, Any] = {}
    for setting in fields(ToTaskSettings):
        name = f"to_task_{setting.name}"
        places = (params.get(setting.name), extra.get(name), config.get(name), env.get(f"SYNAPSE_{name.upper()}"))
        value = next((value for value in places if value is not None), None)
        if value is not None:
            is_whole = isinstance(setting.default, int)
            values[setting.name] = _number(value, setting.name, whole=is_whole, bounds=setting.metadata["range"])
    return ToTaskSettings(**values)


def _number(value: Any, name: str, *, whole: bool, bounds: tuple[float, float]) -> float:
    low, high = bounds
    message = f"to_task setting {name} is {str(value)[:40]!r}; use a number from {low} to {high}"
    try:
        number: float = int(str(value)) if whole else float(str(value))
    except ValueError as exc:
        raise ConfigurationError(message) from exc
    if not low <= number <= high:
        raise ConfigurationError(message)
    return number
