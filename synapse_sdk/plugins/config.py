"""A plugin's config.yaml as a model: known keys are checked, unknown ones are kept.

Nothing that an author wrote is lost on the way to the server: an action's `required_resources`, for one, is read by
whoever schedules it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from synapse_sdk.exceptions import ActionNotFoundError, ConfigurationError
from synapse_sdk.plugins.enums import (
    ACTION_DEFAULT_METHODS,
    AnnotationCategory,
    AnnotationType,
    DataType,
    PackageManager,
    PluginCategory,
    RunMethod,
    SmartToolType,
)
from synapse_sdk.utils.file.plugin_config import find_plugin_config, read_plugin_config

Entrypoint = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$")]
# Both become parts of file names and URLs.
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]*$", max_length=64)]
Scalar = str | int | float | bool

_HINTS = {
    "entrypoint": "use module.Class or module:Class, such as plugin.export.MyExportAction",
    "code": "use letters, digits, '-', '_' and '.', such as my-plugin",
    "version": "use letters, digits, '.', '+', '-' and '_', such as 1.0.0",
}


class ActionConfig(BaseModel):
    """One action's section. Keys beyond these are the action's own and reach it in `RuntimeContext.config`.

    Attributes:
        entrypoint: Its class (or decorated function), as `module.Class` or `module:Class`.
        method: How a server runs it; by the action's name when None.
        description: What it does.
        name: Its name to people; the key when None.
        input_type: Semantic type that it reads.
        output_type: Semantic type that it makes.
        hyperparameters: Forms for its parameters.
    """

    model_config = ConfigDict(extra="allow")

    entrypoint: Entrypoint | None = None
    method: RunMethod | None = None
    description: str = ""
    name: str | None = None
    input_type: str | None = None
    output_type: str | None = None
    hyperparameters: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _accept_bare_entrypoint(cls, value: Any) -> Any:
        return {"entrypoint": value} if isinstance(value, str) else value

    @property
    def settings(self) -> dict[str, Any]:
        """The section as the author wrote it."""
        return self.model_dump(mode="json", exclude_unset=True)


class PluginConfig(BaseModel):
    """A plugin's configuration; see the reference page for each key."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(min_length=1, max_length=200)
    code: Code
    version: Version = "0.1.0"
    category: PluginCategory = PluginCategory.CUSTOM
    description: str = ""
    readme: str = "README.md"
    package_manager: PackageManager = PackageManager.PIP
    package_manager_options: list[str] = []
    wheels_dir: str = "wheels"
    env: dict[str, Scalar] = {}
    runtime_env: dict[str, Any] = {}
    data_type: DataType | None = None
    tasks: list[str] = []
    supported_data_type: list[DataType] = []
    annotation_category: AnnotationCategory | None = None
    annotation_type: AnnotationType | None = None
    smart_tool: SmartToolType | None = None
    actions: dict[str, ActionConfig] = {}

    @field_validator("version", mode="before")
    @classmethod
    def _refuse_number(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            message = f'YAML reads it as a number and 1.10 would become 1.1; put it in quotes: "{value}"'
            raise ValueError(message)  # noqa: TRY004 - pydantic collects ValueErrors.
        return value

    @field_validator("wheels_dir", "readme")
    @classmethod
    def _refuse_outside(cls, value: str) -> str:
        if Path(value).is_absolute() or ".." in Path(value).parts:
            raise ValueError("it must lie inside the plugin's folder")
        return value

    @field_validator("actions", mode="before")
    @classmethod
    def _refuse_odd_names(cls, value: Any) -> Any:
        for name in value if isinstance(value, dict) else ():
            if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name)):
                raise ValueError(f"{name!r} is no action name; use letters, digits, '_' and '-'")
        return {} if value is None else value

    @model_validator(mode="after")
    def _require_data_type(self) -> Self:
        if self.category is PluginCategory.NEURAL_NET and self.data_type is None:
            allowed = ", ".join(DataType)
            raise ValueError(f"data_type is missing: a neural_net plugin needs one of {allowed}")
        return self

    @classmethod
    def from_path(cls, path: str | Path) -> Self:
        """Read a plugin folder's `config.yaml` or `synapse.yaml`, or the file itself.

        Raises:
            ConfigurationError: It is missing, unreadable, or a key has a value that is not allowed.
        """
        file = find_plugin_config(path)
        return cls.from_dict(read_plugin_config(file), source=str(file))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, source: str = "config.yaml") -> Self:
        """Check raw configuration.

        Args:
            content: The raw values.
            source: Name of the file in errors.

        Raises:
            ConfigurationError: A key is missing or has a value that is not allowed.
        """
        try:
            return cls.model_validate(dict(content))
        except ValidationError as exc:
            problems = "\n".join(f"  {_describe(error)}" for error in exc.errors())
            raise ConfigurationError(f"{source} cannot be used:\n{problems}") from exc

    def get_action(self, action: str) -> ActionConfig:
        """One action's section.

        Raises:
            ActionNotFoundError: There is none; `details["available"]` lists those that are there.
        """
        if action not in self.actions:
            available = sorted(self.actions)
            listed = ", ".join(available) or "none"
            raise ActionNotFoundError(
                f"Plugin {self.code!r} has no action {action!r}; it has: {listed}", {"available": available}
            )
        return self.actions[action]

    def get_method(self, action: str) -> RunMethod:
        """How a server runs an action.

        Raises:
            ActionNotFoundError: There is no such action.
        """
        return self.get_action(action).method or ACTION_DEFAULT_METHODS.get(action, RunMethod.TASK)

    @property
    def unknown_keys(self) -> list[str]:
        """Top-level keys that mean nothing to the platform; perhaps misspelt."""
        return sorted(self.model_extra or {})

    def to_dict(self) -> dict[str, Any]:
        """The configuration as the author wrote it, unknown keys included, with the version in any case."""
        return self.model_dump(mode="json", exclude_unset=True) | {"version": self.version}


def _describe(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "missing":
        return f"{key} is missing"
    if error["type"] == "value_error":
        message = str(error["msg"]).removeprefix("Value error, ")
        return message if not error["loc"] else f"{key}: {message}"
    value = f"{key} is {str(error['input'])[:80]!r}"
    if error["type"] == "enum":
        return f"{value}; use one of {error['ctx']['expected'].replace(chr(39), '')}"
    return f"{value}; {_HINTS.get(str(error['loc'][-1]), error['msg'])}"
