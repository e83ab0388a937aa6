"""Components in a working tree: which files there are, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from synapse_sdk.components.digests import decode_component
from synapse_sdk.components.names import BASE, KIT, Category, ComponentPath, did_you_mean, folder_of, is_name
from synapse_sdk.exceptions import ComponentError

LINK_OUTSIDE = "a link to a file outside the working tree; put a copy in its place."


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
    linked = {category for category in Category if leads_outside(root, root / folder_of(category))}
    for category, file in _find_files(root):
        stem = file.name.removesuffix(".py")
        if not is_name(stem):
            refused.append(f"{category}/{file.name}: a component's name has Latin letters, digits and `_`.")
            continue
        if (category in linked or file.is_symlink()) and leads_outside(root, Path(file.path)):
            refused.append(f"{category}/{file.name}: {LINK_OUTSIDE}")
            continue
        with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123 - a path costs as much as reading
            content = opened.read()
        try:
            decode_component(content)
        except ComponentError as exc:
            refused.append(f"{category}/{file.name}: {exc}.")
        else:
            contents[ComponentPath(category, stem)] = content
    return LocalFiles(contents, (*refused, *_strange_folders(root)))


def leads_outside(root: Path, file: Path) -> bool:
    """Whether a link leads from this file's place out of the tree whose `cvlabkit` lies in `root`.

    A checkout of somebody else's may point to a private file of whoever works in it: it must not reach a server.
    """
    target = file.resolve()
    # The kit's folder itself may be a link: somebody works in two checkouts.
    return not any(target.is_relative_to(each.resolve()) for each in (root, root / KIT))


def _find_files(root: Path) -> Iterator[tuple[Category, os.DirEntry[str]]]:
    # Not `Path.glob`: of ten thousand files, the paths as objects took as long as reading them.
    for category in Category:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / folder_of(category)) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                if entry.name.endswith(".py") and not entry.name.startswith("_") and entry.is_file():
                    yield category, entry


def _strange_folders(root: Path) -> Iterator[str]:
    """Folders of code beside the categories: somebody may have misspelt one, and wait for its components."""
    known = {*Category, BASE}
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(root / KIT / "component") as entries:
        for entry in sorted(entries, key=attrgetter("name")):
            if entry.name not in known and entry.is_dir() and any(Path(entry.path).glob("*.py")):
                yield f"component/{entry.name}/: this is no category.{did_you_mean(entry.name, Category)}"
