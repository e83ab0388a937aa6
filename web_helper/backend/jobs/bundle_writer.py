"""The rows of a bundle: JSONL parts with their checksums, and the manifest that makes the bundle complete.

Equal rows give equal bytes: no time, no job id, no random name gets into a part or into the manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from synapse_sdk.wire.bundle import BUNDLE_STEMS, MANIFEST_NAME, BundleManifest, BundlePart, ExportTarget
from web_helper.backend.jobs.durable_files import sync_folder, write_whole

T = TypeVar("T")

# Lines are joined, hashed and written together: one system call for many rows, and still little memory.
LINES_PER_BLOCK = 200


def in_blocks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`."""
    iterator = iter(items)
    while block := list(islice(iterator, size)):
        yield block


@dataclass(frozen=True)
class PartPlan:
    """How the rows are spread over files; the names tell whether there is one part or many."""

    target: ExportTarget
    total: int
    rows_per_part: int

    @property
    def part_count(self) -> int:
        """At least one: an empty bundle has one empty part."""
        return max(1, -(-self.total // self.rows_per_part))

    def name(self, index: int) -> str:
        """File name of the part at `index`."""
        stem = BUNDLE_STEMS[self.target]
        return f"{stem}.jsonl" if self.part_count == 1 else f"{stem}-{index:05d}.jsonl"


def write_parts(
    folder: Path, lines: Iterable[bytes], plan: PartPlan, report: Callable[[int], None]
) -> Iterator[BundlePart]:
    """Write the lines (no newline at their end) part by part.

    Args:
        folder: The bundle's folder.
        lines: One row each, ascending by id; read lazily.
        plan: Where a part ends and what it is called.
        report: Told the number of rows written so far, block by block.
    """
    iterator, written = iter(lines), 0
    for index in range(plan.part_count):
        part = _write_part(folder / plan.name(index), islice(iterator, plan.rows_per_part), written, report)
        written += part.rows
        yield part


def _write_part(target: Path, lines: Iterable[bytes], before: int, report: Callable[[int], None]) -> BundlePart:
    digest, rows, size = hashlib.sha256(), 0, 0
    with write_whole(target) as stream:
        for block in in_blocks(lines, LINES_PER_BLOCK):
            data = b"\n".join(block) + b"\n"
            stream.write(data)
            digest.update(data)
            rows, size = rows + len(block), size + len(data)
            report(before + rows)
    return BundlePart(path=target.name, rows=rows, size_bytes=size, sha256=digest.hexdigest())


def write_manifest(folder: Path, manifest: BundleManifest) -> None:
    """Make the bundle complete. Everything it names has to be on disk before."""
    sync_folder(folder)
    data = msgspec.json.encode(manifest.model_dump(mode="json"), order="sorted")
    with write_whole(folder / MANIFEST_NAME) as stream:
        stream.write(msgspec.json.format(data, indent=2) + b"\n")
    sync_folder(folder)
