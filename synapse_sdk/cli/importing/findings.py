"""What was wrong with a data set: each finding is shown, counted and kept for `--report`, never a list in memory."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from synapse_sdk.utils.converters import BadFile

_MEMORY_BYTES = 1 << 20
# More than this scrolls the reasons away; the report has them all.
SHOWN_FINDINGS = 50


class Findings:
    """Bad files and items that the server has differently, in order of arrival.

    Args:
        show: Prints one line for a person.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.bad = 0
        self.different = 0
        self._show = show
        self._shown = 0
        self._bad_lines: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - lives as long as this
        self._different_lines: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - the same

    def close(self) -> None:
        """Forget everything."""
        self._bad_lines.close()
        self._different_lines.close()

    def add_bad(self, finding: BadFile) -> None:
        """Something on disk that could not be imported as it stands."""
        self.bad += 1
        self.counts[finding.code] += 1
        entry = {"path": str(finding.path), "line": finding.line, "code": finding.code, "message": finding.message}
        self._bad_lines.write(_line(entry))
        self._show_some(f"Bad: {finding}")

    def add_different(self, key: str) -> None:
        """An item that the server has with other annotations, which it keeps."""
        self.different += 1
        self._different_lines.write(_line(key))
        self._show_some(f"Different on the server: {key}")

    def save(self, path: Path, summary: Mapping[str, Any]) -> None:
        """Write `{"summary", "bad_by_code", "bad": [...], "different": [...]}`, beside and renamed.

        Raises:
            OSError: The file cannot be written.
        """
        head = {"summary": dict(summary), "bad_by_code": dict(sorted(self.counts.items()))}
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as target:
                target.write(_line(head).rstrip()[:-1])
                _write_list(target, "bad", self._bad_lines)
                _write_list(target, "different", self._different_lines)
                target.write(b"}\n")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _show_some(self, line: str) -> None:
        self._shown += 1
        if self._shown <= SHOWN_FINDINGS:
            self._show(line)
        elif self._shown == SHOWN_FINDINGS + 1:
            self._show("… more is not shown here; --report FILE lists everything.")


def _line(entry: Any) -> bytes:
    # A name on disk need not be UTF-8; ASCII escapes carry what Python made of it.
    return json.dumps(entry).encode() + b"\n"


def _write_list(target: IO[bytes], name: str, lines: IO[bytes]) -> None:
    target.write(b',\n"' + name.encode() + b'": [')
    lines.seek(0)
    separator = b"\n"
    for line in lines:
        target.write(separator + line.rstrip())
        separator = b",\n"
    lines.seek(0, 2)
    target.write(b"]")
