"""Reads and checks a data set of single files that lies in shards: YOLO or Pascal VOC."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import BadFile, SourceItem, ValidationReport
from synapse_sdk.utils.converters.voc.reader import read_voc
from synapse_sdk.utils.converters.voc.validator import validate_voc
from synapse_sdk.utils.converters.webdataset.reader import read_index
from synapse_sdk.utils.converters.webdataset.unpacking import ShardedFolder
from synapse_sdk.utils.converters.yolo.reader import read_yolo
from synapse_sdk.utils.converters.yolo.validator import validate_yolo
from synapse_sdk.utils.file.checksum import calculate_checksum

_VALIDATORS = {Format.YOLO: validate_yolo, Format.VOC: validate_voc}
_READERS = {Format.YOLO: read_yolo, Format.VOC: read_voc}


def read_shards(fmt: Format, path: Path) -> Iterator[SourceItem | BadFile]:
    """Yield what the format's reader finds in each shard, which is unpacked for as long as its items are held.

    Args:
        fmt: `yolo` or `voc`.
        path: The data set's root.

    Raises:
        FormatError: The index cannot be read, or a description makes no sense.
    """
    with ShardedFolder(path) as folder:
        for facts in read_index(path).shards:
            shard = path / facts.path
            try:
                held = folder.unpack(shard)
            except (OSError, tarfile.TarError) as exc:
                yield BadFile(shard, None, f"the shard cannot be read: {exc}")
                continue
            for found in _READERS[fmt](held.path):
                if isinstance(found, SourceItem):
                    yield replace(found, held=held)
                else:
                    # People know the shard, and never saw the folder.
                    yield replace(found, path=shard / found.path.relative_to(held.path))


def validate_shards(fmt: Format, path: Path) -> ValidationReport:
    """Check every shard against the index, then what is in it.

    A shard is unpacked beside the others, checked as a data set of its own, and removed: the disk holds one at a time.

    Args:
        fmt: `yolo` or `voc`.
        path: The data set's root.
    """
    total = ValidationReport(fmt, counts={"images": 0, "annotations": 0, "classes": 0, "splits": {}})
    try:
        index = read_index(path)
    except FormatError as exc:
        total.error("missing", str(exc), path=path)
        return total
    with ShardedFolder(path, beside=path) as folder:
        for facts in index.shards:
            file = path / facts.path
            try:
                if (file.stat().st_size, calculate_checksum(file)) != (facts.size_bytes, facts.sha256):
                    total.error("checksum_mismatch", "the shard is not the one that the index names", path=file)
                    continue
                held = folder.unpack(file)
                found = _VALIDATORS[fmt](held.path)
            except (OSError, tarfile.TarError) as exc:
                total.error("malformed", f"the shard cannot be read: {exc}", path=file)
                continue
            # People know the shard, and never saw the folder.
            total.add_findings(found, held.path, file)
            _add_counts(total.counts, found)
    return total


def _add_counts(counts: dict[str, Any], found: ValidationReport) -> None:
    counts["images"] += found.counts["images"]
    counts["annotations"] += found.counts["annotations"]
    counts["classes"] = max(counts["classes"], found.counts["classes"])
    for split, images in found.counts["splits"].items():
        counts["splits"][split] = counts["splits"].get(split, 0) + images
