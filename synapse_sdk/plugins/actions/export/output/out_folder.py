"""The folder that an export's own is made in: made where it is missing, taken away again when nothing came of it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.actions.export.output.files import is_local


def make_out_folder(root: Any) -> list[Path]:
    """Make a folder of this machine, and those that it lies in; answers which were missing, the innermost first.

    Raises:
        OSError: It cannot be made.
    """
    if not is_local(root):
        # In a store there are no folders to make.
        return []
    made: list[Path] = []
    for folder in reversed([root, *root.parents]):
        # Another export may be making it, too: then it is that one's.
        with suppress(FileExistsError):
            if not folder.exists():
                folder.mkdir()
                made.insert(0, folder)
    return made


def remove_out_folder(made: Iterable[Path]) -> None:
    """Remove what `make_out_folder` made, as far as there is nothing in it by now."""
    with suppress(OSError):
        for folder in made:
            folder.rmdir()
