"""Components in a working tree: which files there are, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from synapse_sdk.components.digests import decode_component
from synapse_sdk.components.names import KIT, Category, ComponentPath, folder_of, is_name
from synapse_sdk.exceptions import ComponentError


@dataclass(frozen=True)
class LocalFiles:
    """The components below a folder, and the files that cannot be one, each with its reason."""

    contents: dict[ComponentPath, bytes]
    refused: tuple[str, ...]


def read_components(root: Path) -> LocalFiles:
    """Every component of the tree whose `cvlabkit` lies in this folder; files that start with `_` are left out.

    Raises:
        ComponentError: There is no `cvlabkit` in it.
    """
    if not (root / KIT).is_dir():
        raise ComponentError(f"There is no folder {KIT} in {root}.")
    contents, refused = {}, []
    for category, file in _find_files(root):
        stem = file.name.removesuffix(".py")
        if not is_name(stem):
            refused.append(f"{category}/{file.name}: a component's name has Latin letters, digits and `_`.")
            continue
        with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123 - a path costs as much as reading
            content = opened.read()
        try:
            decode_component(content)
        except ComponentError as exc:
            refused.append(f"{category}/{file.name}: {exc}.")
        else:
            contents[ComponentPath(category, stem)] = content
    return LocalFiles(contents, tuple(refused))


def _find_files(root: Path) -> Iterator[tuple[Category, os.DirEntry[str]]]:
    # Not `Path.glob`: of ten thousand files, the paths as objects took as long as reading them.
    for category in Category:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / folder_of(category)) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                if entry.name.endswith(".py") and not entry.name.startswith("_") and entry.is_file():
                    yield category, entry
