"""Names of components: `category/name.py` everywhere, and where that lies in a working tree.

Every path that comes from outside passes `parse_component_path`: there is no other way from text to a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePosixPath

from synapse_sdk.exceptions import ComponentError

KIT = "cvlabkit"
# The folder beside the categories: what their components derive from.
BASE = "base"
# Beside the components, in every image: never in the store.
IMAGE_PACKAGES = (f"{KIT}.core", f"{KIT}.component.base")

NAME_PATTERN = r"[a-zA-Z_][a-zA-Z0-9_]*"
_NAME = re.compile(NAME_PATTERN)
# As long as its columns in the server's tables.
MAX_NAME_LENGTH = 100


class Category(StrEnum):
    """The kinds of components; each is a folder."""

    AGENT = "agent"
    MODEL = "model"
    DATASET = "dataset"
    DATALOADER = "dataloader"
    TRANSFORM = "transform"
    OPTIMIZER = "optimizer"
    LOSS = "loss"
    METRIC = "metric"
    SCHEDULER = "scheduler"
    SAMPLER = "sampler"
    SOLVER = "solver"
    CHECKPOINT = "checkpoint"
    LOGGER = "logger"


# Made once: ten thousand paths are looked at in one negotiation.
_CATEGORIES = {category.value: category for category in Category}


@dataclass(frozen=True, order=True)
class ComponentPath:
    """One component: its category and its file's stem. As text, `category/name.py`."""

    category: Category
    name: str

    def __str__(self) -> str:
        return f"{self.category}/{self.name}.py"

    @property
    def module(self) -> str:
        """How Python imports it."""
        package = f"{KIT}.agent" if self.category is Category.AGENT else f"{KIT}.component.{self.category}"
        return f"{package}.{self.name}"

    @property
    def place(self) -> str:
        """Where it lies, relative to the folder that holds `cvlabkit`; cheap, for ten thousand of them."""
        return f"{folder_of(self.category)}/{self.name}.py"

    @property
    def file(self) -> PurePosixPath:
        """Where it lies, relative to the folder that holds `cvlabkit`."""
        return PurePosixPath(self.place)


def folder_of(category: Category) -> str:
    """Where components of a category lie, relative to the folder that holds `cvlabkit`."""
    return f"{KIT}/agent" if category is Category.AGENT else f"{KIT}/component/{category.value}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What a person may have meant by a name that is not there: a sentence to add; empty when nothing is near."""
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def is_name(text: str) -> bool:
    """Whether a component may be called so."""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_component_file(name: str) -> bool:
    """Whether a file of this name, in a category's folder, is a component; those that start with `_` are none."""
    return name.endswith(".py") and not name.startswith("_") and is_name(name[:-3])


# The same ten thousand are parsed at each door that they pass.
@lru_cache(maxsize=2**15)
def parse_component_path(text: str) -> ComponentPath:
    """The component that `category/name.py` names.

    Raises:
        ComponentError: It is no such path: another folder, `..`, an absolute path, another ending.
    """
    category, _, file = text.partition("/")
    name, dot, ending = file.partition(".")
    if category not in _CATEGORIES or (dot, ending) != (".", "py") or not is_name(name):
        raise ComponentError(
            f"{text!r} is no component; a path is `category/name.py`, the name of Latin letters, digits and `_`, the "
            f"category one of {', '.join(Category)}."
        )
    return ComponentPath(_CATEGORIES[category], name)


def component_of_module(module: str) -> ComponentPath | None:
    """The component that a dotted module name belongs to; None for any other module."""
    parts = module.split(".")
    match parts:
        case [root, "agent", name, *_] if root == KIT:
            category = Category.AGENT.value
        case [root, "component", category, name, *_] if root == KIT and category in _CATEGORIES:
            pass
        case _:
            return None
    return ComponentPath(_CATEGORIES[category], name) if is_name(name) else None
