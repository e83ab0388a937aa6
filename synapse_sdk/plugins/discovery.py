"""What a plugin offers: from its configuration, from a module, or from a look at its source.

Reading the configuration runs none of the plugin's code. Asking for a class, a model or a form imports it, in this
process and with this process's packages.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from pydantic.errors import PydanticInvalidForJsonSchema

from synapse_sdk.exceptions import ConfigurationError, PluginError
from synapse_sdk.plugins.action import BaseAction, NoResult
from synapse_sdk.plugins.config import ActionConfig, PluginConfig
from synapse_sdk.plugins.decorators import action_class_of
from synapse_sdk.plugins.enums import PluginCategory, RunMethod
from synapse_sdk.plugins.utils import pydantic_to_ui_schema
from synapse_sdk.utils.file.plugin_config import find_plugin_config

ActionClass = type[BaseAction[Any]]


class PluginDiscovery:
    """A plugin's configuration, and its classes on request.

    Args:
        config: The configuration.
        folder: The plugin's folder; None for a plugin that is an installed module.
    """

    def __init__(self, config: PluginConfig, folder: Path | None = None) -> None:
        self.config = config
        self.folder = folder

    @classmethod
    def from_path(cls, path: str | Path) -> PluginDiscovery:
        """Open a plugin folder, or its configuration file.

        Raises:
            ConfigurationError: There is no usable configuration.
        """
        file = find_plugin_config(path)
        return cls(PluginConfig.from_path(file), file.parent.resolve())

    @classmethod
    def from_module(
        cls,
        module: ModuleType | str,
        *,
        name: str | None = None,
        category: PluginCategory = PluginCategory.CUSTOM,
    ) -> PluginDiscovery:
        """Take the actions that a module defines or imports by name.

        Raises:
            PluginError: The module cannot be imported, or defines no action.
        """
        found = _import(module) if isinstance(module, str) else module
        actions = {
            name_of_class(action): {"entrypoint": f"{found.__name__}:{attribute}"}
            for attribute, action in _actions_in(found)
        }
        if not actions:
            raise PluginError(f"Module {found.__name__} defines no action: no class derived from BaseAction")
        code = found.__name__.replace("_", "-")
        content = {"name": name or code, "code": code, "category": category, "actions": actions}
        return cls(PluginConfig.from_dict(content, source=found.__name__))

    def list_actions(self) -> list[str]:
        return list(self.config.actions)

    def has_action(self, action: str) -> bool:
        return action in self.config.actions

    def get_action_config(self, action: str) -> ActionConfig:
        """One action's section.

        Raises:
            ActionNotFoundError: There is none of that name.
        """
        return self.config.get_action(action)

    def get_action_method(self, action: str) -> RunMethod:
        return self.config.get_method(action)

    def get_action_entrypoint(self, action: str) -> str:
        """Where an action's class is, as `module:Class`.

        Raises:
            ActionNotFoundError: There is no such action.
            ConfigurationError: Its section names no entrypoint.
        """
        entrypoint = self.get_action_config(action).entrypoint
        if not entrypoint:
            raise ConfigurationError(
                f"actions.{action}.entrypoint is missing in the configuration of {self.config.code!r}; "
                "set it, or run `synapse plugin update-config`"
            )
        return entrypoint if ":" in entrypoint else ":".join(entrypoint.rsplit(".", 1))

    def get_action_class(self, action: str) -> ActionClass:
        """Import an action.

        Raises:
            ActionNotFoundError: There is no such action.
            PluginError: Its entrypoint cannot be imported, or is no action.
        """
        found = load_entrypoint(self.get_action_entrypoint(action), self.folder)
        return named_as_configured(found, action, self.config.category)

    def get_action_params_model(self, action: str) -> Any:
        return getattr(self.get_action_class(action), "params_model", None)

    def get_action_result_model(self, action: str) -> Any:
        model = self.get_action_class(action).result_model
        return None if model is NoResult else model

    def get_action_ui_schema(self, action: str) -> list[dict[str, Any]]:
        """An action's parameters as form inputs; none when they have no model."""
        model = self.get_action_params_model(action)
        return pydantic_to_ui_schema(model) if model else []

    def get_action_params_schema(self, action: str) -> dict[str, Any] | None:
        """An action's parameters as a JSON Schema; None when they have no model, or one that no schema can tell."""
        model = self.get_action_params_model(action)
        try:
            schema: dict[str, Any] | None = model.model_json_schema() if model else None
        except PydanticInvalidForJsonSchema:
            return None
        return schema

    def get_action_result_ui_schema(self, action: str) -> list[dict[str, Any]]:
        model = self.get_action_result_model(action)
        return pydantic_to_ui_schema(model) if model else []

    def get_action_input_type(self, action: str) -> str | None:
        return _type_name(self.get_action_class(action).input_type)

    def get_action_output_type(self, action: str) -> str | None:
        return _type_name(self.get_action_class(action).output_type)

    def to_config_dict(self, *, include_ui_schemas: bool = True) -> dict[str, Any]:
        """The configuration as it is published.

        Args:
            include_ui_schemas: Add each action's form; this imports the actions.

        Raises:
            PluginError: An action cannot be imported.
        """
        content = self.config.to_dict()
        for action in self.list_actions() if include_ui_schemas else ():
            section = content["actions"][action]
            forms = {"train_ui_schemas": self.get_action_ui_schema(action)}
            section["hyperparameters"] = forms | section.get("hyperparameters", {})
            if result := self.get_action_result_ui_schema(action):
                section.setdefault("result_schema", result)
        return content

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.config.to_dict(), sort_keys=False, allow_unicode=True)

    @staticmethod
    def discover_actions(folder: str | Path) -> dict[str, str]:
        """Find action classes in a folder's source without running it.

        Returns:
            Action name to entrypoint (`module:Class`), in order of path.
        """
        found: dict[str, str] = {}
        root = Path(folder)
        for path in sorted(root.rglob("*.py")):
            relative = path.relative_to(root)
            if _is_source(relative):
                module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
                for name, class_name in _classes_in(path):
                    found.setdefault(name, f"{module}:{class_name}")
        return found


def load_entrypoint(entrypoint: str, folder: Path | None = None) -> ActionClass:
    """Import an action class, or a decorated function as one.

    Args:
        entrypoint: `module:Class` or `module.Class`.
        folder: The plugin's folder; its modules win over others of the same name.

    Raises:
        PluginError: It cannot be imported, or is no action.
    """
    module_name, _, attribute = entrypoint.replace(":", ".").rpartition(".")
    if folder is not None:
        _prefer_folder(folder, module_name.split(".")[0])
    found: Any = getattr(_import(module_name), attribute, None)
    if inspect.isclass(found) and issubclass(found, BaseAction):
        return found
    if getattr(found, "_is_action", False):
        return action_class_of(found)
    problem = "does not exist" if found is None else "is no action: no class derived from BaseAction"
    raise PluginError(f"Entrypoint {entrypoint!r}: {attribute} in {module_name} {problem}")


def named_as_configured(action_class: ActionClass, action: str | None, category: PluginCategory | None) -> ActionClass:
    """Give a class the name and category of its configuration where it has none of its own."""
    if action_class.action_name is None and action:
        action_class.action_name = action
    if action_class.category is None and category:
        action_class.category = category
    return action_class


def name_of_class(action_class: type[Any]) -> str:
    """An action's own name; else its class name without `Action`, in lower case."""
    return getattr(action_class, "action_name", None) or action_class.__name__.removesuffix("Action").lower()


def _import(module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ImportError as exc:
        raise PluginError(f"Module {module_name!r} cannot be imported: {exc}", {"module": module_name}) from exc


def _prefer_folder(folder: Path, package: str) -> None:
    # Each plugin has a package called `plugin`: one that was imported from another folder must not stand in for it.
    path = str(folder)
    if sys.path[:1] != [path]:
        sys.path.insert(0, path)
    loaded = sys.modules.get(package)
    is_ours = (folder / package).exists() or (folder / f"{package}.py").exists()
    if (
        loaded is None
        or not is_ours
        or path in str(getattr(loaded, "__file__", None) or loaded.__dict__.get("__path__"))
    ):
        return
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _actions_in(module: ModuleType) -> Iterator[tuple[str, type[Any]]]:
    for name, value in vars(module).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(value) and issubclass(value, BaseAction) and not value.__name__.startswith("Base"):
            yield name, value
        elif getattr(value, "_is_action", False):
            yield name, action_class_of(value)


def _is_source(relative: Path) -> bool:
    is_elsewhere = any(part in {"tests", "venv", "build"} for part in relative.parts)
    can_be_imported = all(part.isidentifier() for part in relative.with_suffix("").parts)
    is_test = relative.name.startswith("test_") or relative.name in {"conftest.py", "setup.py"}
    return can_be_imported and not is_elsewhere and not is_test


def _classes_in(path: Path) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as exc:
        raise PluginError(f"{path} is not valid Python: {exc}") from exc
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith(("Base", "_")) and _has_action_base(node):
            yield _literal_name(node) or node.name.removesuffix("Action").lower(), node.name


def _has_action_base(node: ast.ClassDef) -> bool:
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in node.bases)
    return any(ast.unparse(base).endswith("Action") for base in bases)


def _literal_name(node: ast.ClassDef) -> str | None:
    for statement in node.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        is_name = any(isinstance(target, ast.Name) and target.id == "action_name" for target in targets)
        value = getattr(statement, "value", None)
        if is_name and isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def _type_name(kind: Any) -> str | None:
    return None if kind is None else getattr(kind, "name", None) or kind.__name__
