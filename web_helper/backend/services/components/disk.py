"""Components in a folder of the server: what a scan finds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from synapse_sdk.components.local_tree import read_components
from synapse_sdk.exceptions import ComponentError
from web_helper.backend.core.problems import ConflictProblem
from web_helper.backend.services.components.changes import FileContent, file_of


@dataclass(frozen=True)
class FoundFiles:
    """What lies there, and what cannot be stored, with the reason."""

    files: tuple[FileContent, ...]
    refused: tuple[str, ...]


def find_files(root: Path) -> FoundFiles:
    """Every component below a folder that holds `cvlabkit`.

    Raises:
        ConflictProblem: There is no such folder.
    """
    try:
        found = read_components(root)
    except ComponentError as exc:
        raise ConflictProblem(
            "The server has no folder of components; set SYNAPSE_SERVER_COMPONENT_ROOT to one that holds `cvlabkit`."
        ) from exc
    return FoundFiles(tuple(file_of(path, content) for path, content in found.contents.items()), found.refused)
