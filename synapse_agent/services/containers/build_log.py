"""What a build prints: one bounded file each, read from a position on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

MAX_BYTES = 4 * 2**20
CHUNK_BYTES = 64 * 2**10
_CUT = "(the rest is left out: it is too long)\n"


class BuildLogs:
    """Logs by the build's id.

    Args:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def write(self, build_id: str, line: str) -> None:
        """Add a line, or several."""
        with self._lock, self._path(build_id).open("ab") as file:
            size = file.tell()
            if size < MAX_BYTES:
                content = (line + "\n").encode()
                file.write(content if size + len(content) < MAX_BYTES else _CUT.encode().ljust(MAX_BYTES - size))

    def read(self, build_id: str, position: int) -> list[tuple[int, str]]:
        """Lines from a position on, each with the position behind it."""
        try:
            with self._path(build_id).open("rb") as file:
                file.seek(position)
                data = file.read(CHUNK_BYTES)
        except FileNotFoundError:
            return []
        lines = []
        for line in data[: data.rfind(b"\n") + 1].splitlines(keepends=True):
            position += len(line)
            lines.append((position, line.decode(errors="replace").rstrip()))
        return lines

    def forget(self, build_ids: Sequence[str]) -> None:
        for build_id in build_ids:
            self._path(build_id).unlink(missing_ok=True)

    def _path(self, build_id: str) -> Path:
        return self._folder / f"{build_id}.log"
