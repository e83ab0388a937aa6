"""The files of a bundle that hold rows: JSONL parts with their checksums, and the manifest that makes it complete.

Equal rows give equal bytes: no time, no job id, no random name gets into a part or into the manifest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from synapse_sdk.wire.bundle import MANIFEST_NAME, BundleManifest, BundlePart
from web_helper.backend.jobs.durable_files import sync_folder, write_whole

# What a line says about its files; strings of people cannot look like it, because their quotation marks are escaped.
_FILES_BEGIN = b',"files_manifest":'
_BUNDLE_PATH = re.compile(rb'"bundle_path":(?:"([^"\\]+)"|null)')


@dataclass(frozen=True)
class PartFiles:
    """What the lines of a part say about their files: paths in the bundle, and how many have none."""

    paths: list[str]
    without: int


def write_part(target: Path, blocks: Iterable[tuple[bytes, int]], report: Callable[[int], None]) -> BundlePart:
    """Write blocks of lines, each with the number of its rows.

    Args:
        target: Where the part appears once it is whole.
        blocks: Read lazily.
        report: Told the number of rows of each block that is written.
    """
    digest, rows, size = hashlib.sha256(), 0, 0
    with write_whole(target) as stream:
        for data, count in blocks:
            stream.write(data)
            digest.update(data)
            rows, size = rows + count, size + len(data)
            report(count)
    return BundlePart(path=target.name, rows=rows, size_bytes=size, sha256=digest.hexdigest())


def read_part_files(part: Path, sha256: str) -> PartFiles | None:
    """The files that a finished part names; None when its bytes are not those of the checksum.

    Raises:
        OSError: It cannot be read.
    """
    digest, without = hashlib.sha256(), 0
    paths: dict[str, None] = {}
    with part.open("rb") as lines:
        for line in lines:
            digest.update(line)
            for found in _BUNDLE_PATH.finditer(line, line.rfind(_FILES_BEGIN)):
                if found[1] is None:
                    without += 1
                else:
                    paths[found[1].decode()] = None
    return PartFiles(list(paths), without) if digest.hexdigest() == sha256 else None


def write_manifest(folder: Path, manifest: BundleManifest) -> None:
    """Make the bundle complete. Everything it names has to be on disk before."""
    sync_folder(folder)
    data = msgspec.json.encode(manifest.model_dump(mode="json"), order="sorted")
    with write_whole(folder / MANIFEST_NAME) as stream:
        stream.write(msgspec.json.format(data, indent=2) + b"\n")
    sync_folder(folder)
