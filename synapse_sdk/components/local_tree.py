"""Components in a working tree: which files there are, and what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synapse_sdk.components.digests import decode_component
from synapse_sdk.components.names import KIT, Category, ComponentPath, is_name
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
    for category, path in _find_files(root):
        if not is_name(path.stem):
            refused.append(f"{category}/{path.name}: a component's name has Latin letters, digits and `_`.")
            continue
        content = path.read_bytes()
        try:
            decode_component(content)
        except ComponentError as exc:
            refused.append(f"{category}/{path.name}: {exc}.")
        else:
            contents[ComponentPath(category, path.stem)] = content
    return LocalFiles(contents, tuple(refused))


def _find_files(root: Path) -> Iterator[tuple[Category, Path]]:
    for category in Category:
        folder = root / ComponentPath(category, "x").file.parent
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_") and path.is_file():
                yield category, path
