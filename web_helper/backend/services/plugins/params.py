"""Do parameters fit what a release says about its action? Asked before a run, so that a form can show what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from synapse_sdk.wire.errors import FieldError
from web_helper.backend.core.problems import ValidationProblem

MAX_PROBLEMS = 100
MAX_MESSAGE_CHARACTERS = 300


def check_params(config: Mapping[str, Any], action: str, params: Mapping[str, Any]) -> None:
    """Refuse parameters that the action's `params_schema` refuses; a release without one takes any.

    Raises:
        ValidationProblem: Some do not fit: each is named as `params.<path>`.
    """
    schema = ((config.get("actions") or {}).get(action) or {}).get("params_schema")
    if not isinstance(schema, dict):
        return
    problems = _problems(schema, params)
    if problems:
        first = problems[0]
        raise ValidationProblem(f"{first.field}: {first.message}", problems[:MAX_PROBLEMS])


def _problems(schema: dict[str, Any], params: Mapping[str, Any]) -> list[FieldError]:
    # 130 ms, which a server that runs nothing need not wait for.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    # An empty registry fetches nothing, whatever a schema refers to.
    validator = Draft202012Validator(schema, registry=Registry())
    try:
        errors = [best_match([error]) or error for error in validator.iter_errors(dict(params))]
    except (Unresolvable, RecursionError) as exc:
        raise ValidationProblem.of_field("params", "cannot be checked: the release's schema is broken.") from exc
    return [_describe(error) for error in errors]


def _describe(error: Any) -> FieldError:
    path: list[Any] = list(error.absolute_path)
    message = str(error.message)
    if error.validator == "required":
        missing = next((name for name in error.validator_value if name not in error.instance), None)
        path, message = [*path, missing], "is required."
    return FieldError(field=_name_of(path), message=message[:MAX_MESSAGE_CHARACTERS])


def _name_of(path: Iterable[Any]) -> str:
    return ".".join(["params", *(str(part) for part in path)])
