"""Whether a pre-processor answers, and what its deployment asks for: decided from values alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

RUNNING = "RUNNING"
# In the order in which a mixed set of failures is named.
FAILED_STATUSES = ("DEPLOY_FAILED", "UNHEALTHY", "UNAVAILABLE")

DEFAULT_NUM_CPUS = 1
DEFAULT_NUM_GPUS = 0.1


class ServeBucket(StrEnum):
    """What a set of serve applications means for whoever waits for one."""

    RUNNING = "running"
    FAILED = "failed"
    PENDING = "pending"


class ServeState(NamedTuple):
    """A bucket, and the status that put it into `failed`."""

    bucket: str
    status: str | None


def classify_serve_app(apps: Any) -> ServeState:
    """Fold the seven statuses of serve applications into three buckets.

    One application that runs is enough, whatever became of others: a rollout replaces replicas one by one. Next, one
    that failed ends the wait; whatever else, an empty or malformed answer included, is waited for.

    Args:
        apps: The answer of `list_serve_applications`: a page, `(rows, count)`, rows, or one row.
    """
    statuses = [str(row.get("status") or "").upper() for row in serve_rows(apps)]
    if RUNNING in statuses:
        return ServeState(ServeBucket.RUNNING, None)
    for status in FAILED_STATUSES:
        if status in statuses:
            return ServeState(ServeBucket.FAILED, status)
    return ServeState(ServeBucket.PENDING, None)


def serve_rows(apps: Any) -> list[Mapping[str, Any]]:
    """The applications in an answer of any shape; what is none is left out."""
    if isinstance(apps, tuple) and apps and not isinstance(apps[0], Mapping):
        apps = apps[0]
    if isinstance(apps, Mapping):
        apps = apps.get("results", [apps])
    if isinstance(apps, str) or not isinstance(apps, Iterable):
        return []
    return [row for row in apps if isinstance(row, Mapping)]


def deployment_params(required_resources: Any) -> dict[str, Any]:
    """What a deployment is asked for, from `actions.inference.required_resources`.

    A key that is not declared is left out, never sent as null: servers refuse fields that they do not expect.
    """
    declared: Mapping[str, Any] = required_resources if isinstance(required_resources, Mapping) else {}

    def first(*names: str) -> Any:
        return next((declared[name] for name in names if declared.get(name) is not None), None)

    cpus, gpus = first("required_cpu_count", "num_cpus"), first("required_gpu_count", "num_gpus")
    params = {
        "num_cpus": DEFAULT_NUM_CPUS if cpus is None else cpus,
        "num_gpus": DEFAULT_NUM_GPUS if gpus is None else gpus,
    }
    optional = {"num_replicas": first("num_replicas"), "memory": first("memory", "memory_bytes")}
    return params | {name: value for name, value in optional.items() if value is not None}
