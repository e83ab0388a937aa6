"""Answers about a plugin that need none of its code: actions, methods, requirements, and forms from models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import RunMethod

_FORM_INPUTS = {"string": "text", "integer": "number", "number": "number", "boolean": "checkbox", "array": "list"}
_LIMITS = {"minimum": "min", "maximum": "max", "minLength": "min", "maxLength": "max"}


def get_plugin_actions(config: PluginConfig | Mapping[str, Any]) -> list[str]:
    """Names of a plugin's actions."""
    return list(_checked(config).actions)


def get_action_method(config: PluginConfig | Mapping[str, Any], action: str) -> RunMethod:
    """How a server runs an action.

    Raises:
        ActionNotFoundError: There is no such action.
    """
    return _checked(config).get_method(action)


def read_requirements(path: str | Path) -> list[str]:
    """Lines of a requirements file that say something, installer options included; none when there is no file."""
    path = Path(path)
    if not path.is_file():
        return []
    lines = (line.split(" #")[0].strip() for line in path.read_text(encoding="utf-8-sig").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def pydantic_to_ui_schema(model: type[BaseModel]) -> list[dict[str, Any]]:
    """A model's fields as FormKit inputs, in order."""
    schema = model.model_json_schema()
    return _inputs(schema, schema.get("$defs", {}))


def _inputs(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    return [
        _input(name, field, definitions, is_required=name in required)
        for name, field in schema.get("properties", {}).items()
    ]


def _input(name: str, field: Mapping[str, Any], definitions: Mapping[str, Any], *, is_required: bool) -> dict[str, Any]:
    field = _resolve(field, definitions)
    made: dict[str, Any] = {"$formkit": _kind(field), "name": name, "label": field.get("title", name)}
    if "description" in field:
        made["help"] = field["description"]
    if field.get("default") is not None:
        made["value"] = field["default"]
    if "enum" in field:
        made["options"] = [{"label": str(value), "value": value} for value in field["enum"]]
    if field.get("type") == "object" and "properties" in field:
        made["children"] = _inputs(field, definitions)
    limits = {ours: field[theirs] for theirs, ours in _LIMITS.items() if theirs in field}
    if made["$formkit"] == "number":
        made |= limits | {"number": "integer" if field["type"] == "integer" else "float"}
    rules = ["required"] * is_required + [f"{rule}:{value}" for rule, value in limits.items()]
    return made | ({"validation": "|".join(rules)} if rules else {})


def _resolve(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A field without references; an optional one as what it is when it is there."""
    options = [option for option in field.get("anyOf", ()) if option.get("type") != "null"]
    outer = {key: value for key, value in field.items() if key not in {"anyOf", "$ref", "allOf"}}
    if "$ref" in field:
        return {**definitions[field["$ref"].rsplit("/", 1)[-1]], **outer}
    return {**_resolve(options[0], definitions), **outer} if options else dict(field)


def _kind(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return "select"
    if field.get("type") == "object":
        return "group" if "properties" in field else "json"
    return _FORM_INPUTS.get(str(field.get("type")), "json")


def _checked(config: PluginConfig | Mapping[str, Any]) -> PluginConfig:
    return config if isinstance(config, PluginConfig) else PluginConfig.from_dict(config)
