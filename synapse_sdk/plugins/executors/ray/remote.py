"""The part of a run that happens on the cluster."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from synapse_sdk.plugins.executors import job_protocol
from synapse_sdk.plugins.executors.job_protocol import RunRequest


def run_encoded(request: RunRequest, env: Mapping[str, str]) -> bytes:
    """Run an action in this process and encode how it ended; nothing is raised, since not every error can travel."""
    # A layer above: only the process that runs the action needs it.
    from synapse_sdk.plugins.entrypoint import run_request

    try:
        return run_request(request, env)
    except BaseException as exc:  # noqa: BLE001 - A stop and `sys.exit` are outcomes, too; they travel as data.
        if isinstance(exc, Exception) and not job_protocol.is_expected(exc):
            traceback.print_exc()
        return job_protocol.encode_error(exc)


def run_step(request: RunRequest, env: Mapping[str, str]) -> bytes:
    """Run one action of a pipeline, with those of the values that its model names."""
    from synapse_sdk.plugins.discovery import load_entrypoint

    try:
        fields = load_entrypoint(request.entrypoint, Path.cwd()).params_model.model_fields
        chosen = {name: value for name, value in request.params.items() if name in fields}
    except Exception as exc:  # noqa: BLE001 - As above: how it ended travels as data.
        return job_protocol.encode_error(exc)
    return run_encoded(replace(request, params=chosen), env)
