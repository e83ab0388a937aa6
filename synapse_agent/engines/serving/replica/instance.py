"""From an entrypoint to the one instance that answers in a replica."""

from __future__ import annotations

import inspect
from pathlib import Path

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.actions.inference import BaseServeDeployment
from synapse_sdk.plugins.discovery import load_entrypoint
from synapse_sdk.wire.serve import ServeDeploy


def make_instance(spec: ServeDeploy) -> BaseServeDeployment:
    """Make it.

    Raises:
        PluginError: The class cannot be imported.
        ConfigurationError: It is no `BaseServeDeployment`, or not a whole one.
    """
    found = load_entrypoint(spec.entrypoint, Path(spec.folder))
    if not (inspect.isclass(found) and issubclass(found, BaseServeDeployment)):
        raise ConfigurationError(f"{spec.entrypoint} is no BaseServeDeployment; deploy a class derived from it.")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise ConfigurationError(f"{spec.entrypoint} lacks {missing}; define what is missing.")
    return found(spec.backend_url)
