"""The SDK's one door to Ray, which is optional: nothing is imported before a cluster is asked for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from synapse_sdk.exceptions import PluginRunError

# Detached actors are found by name within it, by every process that connects.
NAMESPACE = "synapse"
# Set by Ray for the driver of a job, whatever the job starts.
JOB_VARIABLE = "RAY_JOB_CONFIG_JSON_ENV_VAR"
INSTALL_HINT = "Ray is not installed here; install it with: pip install 'synapse-platform[ray]'"


def import_ray() -> Any:
    """The `ray` module.

    Raises:
        PluginRunError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as exc:
        raise PluginRunError(INSTALL_HINT) from exc
    return ray


def connect(address: str, runtime_env: Mapping[str, Any]) -> Any:
    """Join a cluster as a driver; a process can be one driver at a time.

    Args:
        address: `host:port` of the head node, `ray://host:port`, or `auto` for the cluster of this machine.
        runtime_env: The environment of everything that the driver starts.

    Raises:
        PluginRunError: Ray is missing, no cluster answers, or this process belongs to one already.
    """
    ray = import_ray()
    if ray.is_initialized():
        raise PluginRunError("This process is connected to a Ray cluster already; shut that executor down first")
    try:
        ray.init(address=address, namespace=NAMESPACE, runtime_env=dict(runtime_env), logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, OSError) as exc:
        with suppress(Exception):
            ray.shutdown()
        message = f"No Ray cluster answers at {address!r} ({type(exc).__name__}); start one with `ray start --head`"
        raise PluginRunError(message) from exc
    return ray


def current_cluster(env: Mapping[str, str]) -> Any | None:
    """The `ray` module when this process is part of a run on a cluster, connected to it; None when it is not.

    Args:
        env: The process's variables, which tell the driver of a Ray job.

    Raises:
        PluginRunError: It is the driver of a job, and its cluster does not answer.
    """
    is_driver = JOB_VARIABLE in env
    # Importing Ray takes a second: who has not done so is connected to nothing.
    if not is_driver and "ray" not in sys.modules:
        return None
    ray = import_ray()
    if ray.is_initialized():
        return ray
    if not is_driver:
        return None
    try:
        ray.init(logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError, OSError) as exc:
        raise PluginRunError(f"The Ray cluster of this job does not answer ({type(exc).__name__})") from exc
    return ray


def jobs_client(dashboard_address: str) -> Any:
    """A client of Ray's Jobs API.

    Raises:
        PluginRunError: Ray is missing, or no dashboard answers.
    """
    import_ray()
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(dashboard_address)
    except (ConnectionError, RuntimeError, ValueError) as exc:
        raise PluginRunError(
            f"Ray's Jobs API does not answer at {dashboard_address} ({type(exc).__name__}); "
            "start Ray with its dashboard (`ray start --head`), or name another address"
        ) from exc
