"""The one place that decides between the v1 and the v2 client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synapse_sdk.plugins.context import RuntimeContext
from synapse_sdk.utils.auth import read_env

_OFF = frozenset({"", "0", "false", "no", "off"})


def run_env(ctx: RuntimeContext) -> Mapping[str, Any]:
    """Settings of a run. What an operator sets for the process wins over what a plugin's configuration says."""
    operator = {name: value for name, value in read_env().items() if name.startswith("SYNAPSE_")}
    return {**ctx.env.to_dict(), **operator}


def use_v2(ctx: RuntimeContext, category: str | None = None) -> bool:
    """Whether an action talks to the v2 API: when it has a client for it, and nobody forces v1.

    Args:
        ctx: The run.
        category: Family of the action; `SYNAPSE_FORCE_V1_<CATEGORY>` sends it back to v1.
    """
    if ctx.v2_client is None:
        return False
    forced = run_env(ctx).get(f"SYNAPSE_FORCE_V1_{category.upper()}", "") if category else ""
    return str(forced).strip().lower() in _OFF
