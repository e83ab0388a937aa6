"""What a request for a container carries, from what its caller has at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.models.release import PluginRelease


def release_fields(plugin_release: str | PluginRelease | None) -> dict[str, str]:
    """The fields that name a release.

    Raises:
        TypeError: It is neither a string nor a `PluginRelease`.
    """
    if plugin_release is None:
        return {}
    if isinstance(plugin_release, PluginRelease):
        return _object_fields(plugin_release)
    if not isinstance(plugin_release, str):
        kind = type(plugin_release).__name__
        raise TypeError(f"plugin_release must be 'code@version' or a PluginRelease, not {kind}")
    code, separator, version = plugin_release.rpartition("@")
    parts = {"plugin": code, "version": version} if separator else {}
    return {"plugin_release": plugin_release, **parts}


def entrypoint_file(entrypoint: str) -> str:
    """File of an entrypoint in dotted or colon form: `plugin.gradio_interface.app` is `plugin/gradio_interface.py`."""
    if entrypoint.endswith(".py"):
        return entrypoint
    module, colon, _ = entrypoint.partition(":")
    if not colon:
        module = entrypoint.rpartition(".")[0] or entrypoint
    return module.replace(".", "/") + ".py"


def optional_fields(
    *,
    model: int | None,
    params: Mapping[str, Any] | None,
    envs: Mapping[str, str] | None,
    metadata: Mapping[str, Any] | None,
    labels: Iterable[str] | None,
) -> dict[str, Any]:
    """The fields that are sent only when they are set; `params` also when empty."""
    fields: dict[str, Any] = {} if model is None else {"model": model}
    if params is not None:
        fields["params"] = dict(params)
    given = {
        "envs": dict(envs) if envs else None,
        "metadata": dict(metadata) if metadata else None,
        "labels": _listed(labels),
    }
    return fields | {name: value for name, value in given.items() if value}


def form_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields beside a file: objects as JSON text, lists as repeated fields."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value
        for name, value in fields.items()
    }


def existing_file(plugin_file: str | Path) -> Path:
    """The archive.

    Raises:
        FileNotFoundError: There is no such file.
    """
    path = Path(plugin_file)
    if not path.is_file():
        raise FileNotFoundError(f"There is no plugin archive {path}")
    return path


def _listed(labels: Iterable[str] | None) -> list[str]:
    if isinstance(labels, str):
        raise TypeError("labels must be a list of strings, not one string")
    return list(labels or ())


def _object_fields(release: PluginRelease) -> dict[str, str]:
    fields = {"plugin_release": release.code, "plugin": release.plugin, "version": release.version}
    if not release.actions:
        return fields
    action = release.actions[0]
    entrypoint = release.get_action_config(action).get("entrypoint")
    return fields | {"action": action} | ({"entrypoint": entrypoint_file(str(entrypoint))} if entrypoint else {})
