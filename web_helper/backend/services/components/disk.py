"""Components in a folder of the server: what a scan finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synapse_sdk.components.names import Category, ComponentPath, is_name
from synapse_sdk.exceptions import ComponentError
from web_helper.backend.core.problems import ConflictProblem, ValidationProblem
from web_helper.backend.services.components.changes import FileContent, check_file


@dataclass(frozen=True)
class FoundFiles:
    """What lies there, and what cannot be stored, with the reason."""

    files: tuple[FileContent, ...]
    refused: tuple[str, ...]


def find_files(root: Path) -> FoundFiles:
    """Every component below a folder that holds `cvlabkit`; files that start with `_` are left out.

    Raises:
        ConflictProblem: There is no such folder.
    """
    if not (root / "cvlabkit").is_dir():
        raise ConflictProblem("The server has no folder of components; set SYNAPSE_SERVER_COMPONENT_ROOT to one.")
    files, refused = [], []
    for category in Category:
        folder = root / ComponentPath(category, "x").file.parent
        for path in sorted(folder.glob("*.py")):
            if path.name.startswith("_") or not path.is_file():
                continue
            try:
                files.append(_read(category, path))
            except (ValidationProblem, ComponentError) as exc:
                refused.append(str(exc))
    return FoundFiles(tuple(files), tuple(refused))


def _read(category: Category, path: Path) -> FileContent:
    if not is_name(path.stem):
        raise ComponentError(f"{category}/{path.name}: a component's name has letters, digits and `_`.")
    return check_file(ComponentPath(category, path.stem), path.read_bytes())
