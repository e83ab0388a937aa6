"""One inference: through the server, which knows where the pre-processor runs."""

from __future__ import annotations

from typing import Any

from synapse_sdk.exceptions import PreAnnotationError
from synapse_sdk.plugins.actions.to_task.context import ToTaskContext

NO_DATA = "Inference returned no data"


def infer(context: ToTaskContext, primary_url: str) -> Any:
    """What the pre-processor answers about one file.

    Raises:
        PreAnnotationError: It answered nothing.
        ClientError: It could not be asked.
    """
    params = context.wanted
    body = {
        "agent": params.agent,
        "action": "inference",
        "version": context.pre_processor_version,
        "params": {
            "model": params.model,
            "method": "post",
            "json": {**params.pre_processor_params, "image_path": primary_url},
        },
    }
    answer = context.client.run_plugin(context.pre_processor_code, body)
    if answer is None:
        raise PreAnnotationError(NO_DATA)
    return answer
