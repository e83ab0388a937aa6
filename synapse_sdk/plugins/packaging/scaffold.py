"""Makes a new plugin: a folder that runs and passes its own tests as it stands."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from synapse_sdk.exceptions import ConfigurationError
from synapse_sdk.plugins.config import PluginConfig
from synapse_sdk.plugins.enums import ACTION_DEFAULT_METHODS, DataType, PluginCategory, RunMethod

_SUFFIX = ".tmpl"
_EXPORT_PARAMS = (
    '{"storage": 1, "name": "My Export", "path": "exports/my-export", "target": "task", "filter": {"project": 1}}'
)


def code_from_name(name: str) -> str:
    """A plugin code made from a name: `Bird Exporter` becomes `bird-exporter`; empty when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def create_plugin(parent: Path, *, name: str, code: str, category: PluginCategory) -> Path:
    """Make a plugin's folder, `synapse-<code>-plugin`.

    Args:
        parent: Where the folder is made.
        name: The plugin's name to people.
        code: Its code.
        category: What it is for; an export plugin starts with an exporter.

    Raises:
        ConfigurationError: The name or the code is not allowed, or the folder exists.
    """
    words = _words(name, code, category)
    PluginConfig.from_dict({"name": name, "code": code}, source="The new plugin")
    folder = parent / f"synapse-{code}-plugin"
    if folder.exists():
        raise ConfigurationError(f"{folder} exists already; choose another code or another folder")
    kind = "export" if category is PluginCategory.EXPORT else "custom"
    templates = files("synapse_sdk.plugins.packaging") / "templates"
    try:
        for source in (templates / "common", templates / kind):
            for relative, template in _walk(source):
                target = folder / relative.replace("action.py", f"{words['action']}.py")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
        _add_data_type(folder, category)
        PluginConfig.from_path(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # No half-made plugin stays behind.
        raise
    return folder


def _words(name: str, code: str, category: PluginCategory) -> dict[str, str]:
    is_export = category is PluginCategory.EXPORT
    action = "export" if is_export else "run"
    stem = "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", code))
    stem = stem if stem[:1].isalpha() else f"Plugin{stem}"
    return {
        "name": name,
        "name_yaml": json.dumps(name, ensure_ascii=False),
        "code": code,
        "category": category.value,
        "action": action,
        "method": ACTION_DEFAULT_METHODS.get(action, RunMethod.TASK).value,
        "class_name": f"{stem}Action",
        "params_class": f"{stem}Params",
        "exporter_class": f"{stem}Exporter",
        "params": _EXPORT_PARAMS if is_export else '{"count": 3}',
    }


def _add_data_type(folder: Path, category: PluginCategory) -> None:
    if category is PluginCategory.NEURAL_NET:
        with (folder / "config.yaml").open("a", encoding="utf-8") as file:
            file.write(f"\ndata_type: {DataType.IMAGE.value}\n")


def _walk(source: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in source.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            yield prefix + entry.name.removesuffix(_SUFFIX), entry
