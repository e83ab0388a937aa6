"""From what is wanted to what Ray Serve is told: one declaration of all applications, in which others keep theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from synapse_agent.engines.ray.packing import pack
from synapse_agent.engines.ray.serve.records import Deployment
from synapse_agent.engines.serving.host import memory_variables
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.executors.ray.packaging import Dependencies, build_runtime_env
from synapse_sdk.utils.file.plugin_config import CONFIG_FILE_NAMES
from synapse_sdk.wire.serve import ServeDeploy

BUILDER = "synapse_agent.engines.ray.serve.replica:build"
ORDER = ".synapse_replica.json"
DEPLOYMENT = "replica"
OWNER = "synapse_agent"


def pack_release(deployment: Deployment, key: str) -> bytes:
    """The release's folder with the order of its replicas, which holds what nobody is to see."""
    spec = deployment.spec
    # Where the cluster unpacks it, the release lies in the working directory.
    inside = spec.model_copy(update={"folder": ".", "python": None})
    order = {"spec": inside.model_dump(mode="json"), "revision": deployment.revision, "key": key}
    return pack({"": Path(spec.folder)}, {ORDER: msgspec.json.encode(order)})


def declare(deployment: Deployment, package: str, owner: str, *, surges: bool) -> dict[str, Any]:
    """One application's declaration.

    Args:
        deployment: What is wanted.
        package: Address of its package.
        owner: Id of the agent.
        surges: Whether a new replica may start before an old one has ended: there is room for both.
    """
    spec, options = deployment.spec, deployment.spec.options
    needs = spec.resources.model_dump(exclude_none=True)
    return {
        "name": spec.name,
        "route_prefix": spec.route_prefix,
        "import_path": BUILDER,
        "args": {OWNER: owner, "revision": deployment.revision},
        "runtime_env": runtime_env_of(spec, package),
        "deployments": [
            {
                "name": DEPLOYMENT,
                "num_replicas": options.num_replicas,
                "ray_actor_options": needs,
                "max_ongoing_requests": options.max_ongoing_requests,
                "max_queued_requests": options.max_queued_requests,
                "health_check_period_s": options.health_check_period_s,
                "health_check_timeout_s": options.health_check_timeout_s,
                "graceful_shutdown_timeout_s": options.graceful_shutdown_timeout_s,
                "graceful_shutdown_wait_loop_s": min(0.5, options.graceful_shutdown_timeout_s or 0.5),
                # Before Ray 2.60, where nobody knows this, a replica is replaced by ending it first.
                "max_surge_percent": 100 if surges else 0,
            }
        ],
    }


def runtime_env_of(spec: ServeDeploy, package: str) -> dict[str, Any]:
    """What a replica's environment is made of: the release, and its requirements."""
    folder = Path(spec.folder)
    given: dict[str, Any] = {}
    dependencies = Dependencies()
    if any((folder / name).exists() for name in CONFIG_FILE_NAMES):
        config = PluginConfig.from_path(folder)
        given = dict(config.runtime_env)
        dependencies = Dependencies(
            package_manager=config.package_manager,
            options=tuple(config.package_manager_options),
            wheels_dir=config.wheels_dir,
        )
    made = build_runtime_env(given, folder, dependencies, include_sdk=False)
    return {**made, "working_dir": package, "env_vars": {**memory_variables(spec), **spec.env, "PYTHONUNBUFFERED": "1"}}


def declared_by_others(details: Mapping[str, Any], owner: str, own: Iterable[str]) -> list[dict[str, Any]]:
    """Declarations that are not this agent's, as they stand: what is left out, Ray Serve deletes."""
    mine, kept = set(own), []
    for name, application in (details.get("applications") or {}).items():
        config = application.get("deployed_app_config")
        is_declared = str(application.get("source", "")).lower() == "declarative"
        if config and is_declared and name not in mine and owner_of(application) != owner:
            kept.append({key: value for key, value in config.items() if value is not None})
    return kept


def owner_of(application: Mapping[str, Any]) -> str | None:
    """Id of the agent that declared an application; None where no agent did."""
    owner = ((application.get("deployed_app_config") or {}).get("args") or {}).get(OWNER)
    return None if owner is None else str(owner)
