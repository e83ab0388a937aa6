"""Why an experiment waits: whether a worker is there that could take it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from synapse_sdk.cli.output import warn
from synapse_sdk.wire.devices import DeviceStatus
from synapse_sdk.wire.experiments import ExperimentStatus

if TYPE_CHECKING:
    from synapse_sdk.clients.experiments import ExperimentClient

LOOK_SECONDS = 2.0
# In one message; `synapse experiment devices` lists all.
MAX_NAMED = 5


def why_nobody_takes_it(devices: Iterable[Mapping[str, Any]], wanted: str | None) -> str:
    """What keeps an experiment in the queue that the workers alone can change; empty where one is at work.

    Args:
        devices: All that have joined, as the server lists them.
        wanted: The only one that may run it; None is any.
    """
    known = {each["host_id"]: each["status"] for each in devices}
    if wanted is not None and wanted not in known:
        return f"no device {wanted!r} has joined yet; it waits until one does. `synapse experiment devices` lists them."
    able = {name: status for name, status in known.items() if wanted in (None, name)}
    if DeviceStatus.HEALTHY in able.values():
        return ""
    if not able:
        return "no worker is at work; it waits until one is. `synapse worker up`, on a machine that shall run it."
    shown = ", ".join(f"{name} is {status}" for name, status in sorted(able.items())[:MAX_NAMED])
    more = f" and {len(able) - MAX_NAMED} more" if len(able) > MAX_NAMED else ""
    return f"no worker is at work ({shown}{more}); it waits until one is. `synapse worker up` starts one again, there."


def wait_in_queue(client: ExperimentClient, uid: str) -> None:
    """Wait until an experiment is taken out of the queue, and say meanwhile when nobody is there to take it.

    Raises:
        ClientError: There is no such experiment, or the server stays out of reach.
    """
    said = ""
    while (found := client.get_experiment(uid))["status"] == ExperimentStatus.QUEUED:
        reason = why_nobody_takes_it(client.list_devices(), found["wanted_device"])
        if reason and reason != said:
            warn(reason)
        said = reason
        time.sleep(LOOK_SECONDS)
