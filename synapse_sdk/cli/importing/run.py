"""The import itself: reads entries one by one, sends batches, counts. Holds one batch, never the data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synapse_sdk.cli.importing.batch import BatchResult, BatchSender
from synapse_sdk.cli.importing.findings import Findings
from synapse_sdk.cli.interrupt import Interruption
from synapse_sdk.cli.progress import ItemProgress
from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters import BadFile, SourceItem

# Half of what the server takes: Ctrl-C waits for one batch, and large images make a batch slow.
BATCH_ITEMS = 100

_IMAGE_PROBLEMS = frozenset({"image_missing", "image_unreadable"})

Entry = SourceItem | BadFile


class StrictError(FormatError):
    """A data set has something bad in it, and `--strict` was asked for."""


@dataclass
class Totals:
    """What an import did so far.

    Attributes:
        left_out: Items that are not on the server: their image is missing or broken, or the server refused them.
        bad: Findings about files; one item can have several, and some (a box cut at the edge) leave it in.
    """

    created: int = 0
    exists: int = 0
    different: int = 0
    left_out: int = 0
    bad: int = 0
    uploaded_files: int = 0
    uploaded_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ImportRun:
    """One run over a data set.

    Attributes:
        totals: What was done, true at any moment, also after an error.
    """

    def __init__(
        self, sender: BatchSender, findings: Findings, progress: ItemProgress, *, is_strict: bool = False
    ) -> None:
        self.totals = Totals()
        self._sender = sender
        self._findings = findings
        self._progress = progress
        self._is_strict = is_strict

    def run(self, entries: Iterable[Entry], interruption: Interruption) -> bool:
        """Import everything, or stop after the batch in flight when asked to; true when everything was done.

        Raises:
            StrictError: Something is bad, and strictness was asked for.
            ClientError: The server cannot be reached or failed.
        """
        for batch in self._batches(entries, interruption):
            if interruption.is_requested:
                return False
            self._take(self._sender.send(batch), len(batch))
            self._progress.advance(len(batch))
        return not interruption.is_requested

    def _batches(self, entries: Iterable[Entry], interruption: Interruption) -> Iterator[list[SourceItem]]:
        batch: list[SourceItem] = []
        for item in self._items(entries):
            if interruption.is_requested:
                return
            batch.append(item)
            if len(batch) == BATCH_ITEMS:
                yield batch
                batch = []
        if batch:
            yield batch

    def _items(self, entries: Iterable[Entry]) -> Iterator[SourceItem]:
        # Problems come in front of their item: those of its image leave it out.
        is_told = False
        for entry in entries:
            if isinstance(entry, BadFile):
                is_told = is_told or entry.code in _IMAGE_PROBLEMS
                self._add_bad(entry)
                continue
            if entry.image_path is None and not is_told:
                self._add_bad(_without_image(entry))
            if entry.image_path is None or is_told:
                self.totals.left_out += 1
            else:
                yield entry
            is_told = False

    def _take(self, result: BatchResult, count: int) -> None:
        self.totals.created += result.created
        self.totals.exists += result.exists
        self.totals.left_out += count - result.created - result.exists - len(result.different)
        self.totals.uploaded_files += result.uploaded_files
        self.totals.uploaded_bytes += result.uploaded_bytes
        for key in result.different:
            self.totals.different += 1
            self._findings.add_different(key)
        for finding in result.bad:
            self._add_bad(finding)

    def _add_bad(self, finding: BadFile) -> None:
        self.totals.bad += 1
        self._findings.add_bad(finding)
        if self._is_strict:
            raise StrictError(f"{finding} --strict stops here; what was imported before stays.")


def _without_image(item: SourceItem) -> BadFile:
    return BadFile(
        Path(item.name), None, "There is no image for this item; name their folder with --images.", "no_image"
    )
