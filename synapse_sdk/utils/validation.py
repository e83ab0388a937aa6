"""Validation of an action's parameters, with errors that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from synapse_sdk.exceptions import PluginValidationError

M = TypeVar("M", bound=BaseModel)


def validate_params(model: type[M], params: Mapping[str, Any], *, context: dict[str, Any] | None = None) -> M:
    """Turn raw parameters into their model.

    Args:
        model: The parameters' model.
        params: Raw values.
        context: Passed on to the model's validators.

    Raises:
        PluginValidationError: They do not fit; `details["errors"]` lists field and message of each problem.
    """
    try:
        return model.model_validate(dict(params), context=context)
    except ValidationError as exc:
        errors = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in exc.errors()]
        # Among others, a sentence has no full stop.
        listed = "; ".join(": ".join(filter(None, (e["field"], e["message"].removesuffix(".")))) for e in errors)
        raise PluginValidationError(
            f"The parameters do not fit {model.__name__}: {listed}", {"errors": errors}
        ) from exc
