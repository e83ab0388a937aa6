"""Brings config.yaml up to date with the code: entrypoints, semantic types, forms.

The classes are looked at in a child process with the plugin's own packages, never in this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml
from pydantic import BaseModel

from synapse_sdk.plugins.action import BaseAction
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.discovery import PluginDiscovery
from synapse_sdk.plugins.executors import LocalExecutor
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config

Facts = Mapping[str, Any]


class ActionSyncer(Protocol):
    """Knows one part of an action's section."""

    def sync(self, section: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
        """What the section should say instead; only the keys that change."""


class EntrypointSyncer:
    """Fills in a missing entrypoint; one that is set is the author's choice."""

    def sync(self, section: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
        return {} if section.get("entrypoint") or not facts.get("entrypoint") else {"entrypoint": facts["entrypoint"]}


class TypesSyncer:
    """Writes the semantic types that the class declares."""

    def sync(self, section: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
        declared = {key: facts[key] for key in ("input_type", "output_type") if facts.get(key)}
        return {key: value for key, value in declared.items() if section.get(key) != value}


class HyperparametersSyncer:
    """Writes the form of the parameters' model."""

    def sync(self, section: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
        forms = section.get("hyperparameters") or {}
        form = facts.get("ui_schema") or []
        if not form or forms.get("train_ui_schemas") == form:
            return {}
        return {"hyperparameters": {**forms, "train_ui_schemas": form}}


class ParamsSchemaSyncer:
    """Writes the JSON Schema of the parameters, for forms in a browser: into a release, not into its author's file."""

    def sync(self, section: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
        schema = facts.get("params_schema")
        return {} if not schema or section.get("params_schema") == schema else {"params_schema": schema}


def get_default_syncers() -> list[ActionSyncer]:
    return [EntrypointSyncer(), TypesSyncer(), HyperparametersSyncer()]


def get_release_syncers() -> list[ActionSyncer]:
    """What a release says beyond its author's file."""
    return [*get_default_syncers(), ParamsSchemaSyncer()]


def sync_action_config(
    section: Mapping[str, Any], facts: Facts, syncers: Sequence[ActionSyncer] | None = None
) -> dict[str, Any]:
    """An action's section, brought up to date."""
    synced = dict(section)
    for syncer in get_default_syncers() if syncers is None else syncers:
        synced.update(syncer.sync(synced, facts))
    return synced


def sync_plugin_config(
    folder: Path, *, python: Path | None = None, syncers: Sequence[ActionSyncer] | None = None
) -> dict[str, Any]:
    """A plugin's raw configuration, brought up to date; the file stays as it is.

    Args:
        folder: The plugin's folder, or its configuration file.
        python: Interpreter that has the plugin's requirements.
        syncers: What to bring up to date; all parts when None.

    Raises:
        ConfigurationError: The configuration cannot be used.
        ExecutionError: An action cannot be imported.
    """
    file = find_plugin_config(folder)
    content = read_plugin_config(file)
    sections = dict(PluginConfig.from_dict(content, source=str(file)).to_dict().get("actions") or {})
    _add_new_actions(sections, PluginDiscovery.discover_actions(file.parent))
    entrypoints = {name: section["entrypoint"] for name, section in sections.items() if section.get("entrypoint")}
    executor = LocalExecutor(working_dir=file.parent, python=python)
    facts = executor.execute(DescribeAction, {"entrypoints": entrypoints}) if entrypoints else {}
    content["actions"] = {
        name: sync_action_config(section, facts.get(name, {}), syncers) for name, section in sections.items()
    }
    return content


def write_plugin_config(file: Path, content: Mapping[str, Any]) -> Path:
    """Write a configuration; what was there before is kept beside it, with the comments that YAML cannot carry.

    Returns:
        The copy of the former file.
    """
    backup = file.with_name(f"{file.name}.bak")
    backup.write_bytes(file.read_bytes())
    beside = file.with_name(f".{file.name}.part")
    beside.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")
    beside.replace(file)
    return backup


class DescribeParams(BaseModel):
    """Entrypoints to look at, by action."""

    entrypoints: dict[str, str]


class DescribeAction(BaseAction[DescribeParams]):
    """Imports a plugin's actions and tells what they declare."""

    action_name = "describe"

    def execute(self) -> dict[str, Any]:
        content = {"name": "plugin", "code": "plugin", "actions": self.params.entrypoints}
        plugin = PluginDiscovery(PluginConfig.from_dict(content), Path.cwd())
        return {
            action: {
                "entrypoint": plugin.get_action_entrypoint(action),
                "input_type": plugin.get_action_input_type(action),
                "output_type": plugin.get_action_output_type(action),
                "ui_schema": plugin.get_action_ui_schema(action),
                "params_schema": plugin.get_action_params_schema(action),
                "result_schema": plugin.get_action_result_ui_schema(action),
            }
            for action in plugin.list_actions()
        }


def _add_new_actions(sections: dict[str, Any], found: Mapping[str, str]) -> None:
    known = {str(section.get("entrypoint", "")).replace(":", ".") for section in sections.values()}
    for name, entrypoint in found.items():
        if entrypoint.replace(":", ".") in known:
            continue
        if name not in sections:
            sections[name] = {"entrypoint": entrypoint}
        elif not sections[name].get("entrypoint"):
            sections[name]["entrypoint"] = entrypoint
