"""Checks a data set of single files that lies in shards: YOLO or Pascal VOC."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import ValidationReport
from synapse_sdk.utils.converters.sinks.shards import INDEX_NAME
from synapse_sdk.utils.converters.voc.validator import validate_voc
from synapse_sdk.utils.converters.webdataset.reader import read_index
from synapse_sdk.utils.converters.yolo.validator import validate_yolo
from synapse_sdk.utils.file.checksum import calculate_checksum

_VALIDATORS = {Format.YOLO: validate_yolo, Format.VOC: validate_voc}
_BESIDE = ("*.yaml", "*.yml", "labelmap.txt")


def is_sharded(fmt: Format, path: Path) -> bool:
    """Whether a data set of this format lies in shards of ours."""
    return fmt in _VALIDATORS and (path / INDEX_NAME).is_file()


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
    for facts in index.shards:
        file = path / facts.path
        try:
            if (file.stat().st_size, calculate_checksum(file)) != (facts.size_bytes, facts.sha256):
                total.error("checksum_mismatch", "the shard is not the one that the index names", path=file)
                continue
            with tempfile.TemporaryDirectory(prefix=".shard-", dir=path) as folder:
                _unpack(path, file, Path(folder))
                _add(total, _VALIDATORS[fmt](Path(folder)))
        except (OSError, tarfile.TarError) as exc:
            total.error("malformed", f"the shard cannot be read: {exc}", path=file)
    return total


def _unpack(path: Path, shard: Path, folder: Path) -> None:
    """One shard as a data set of its own, with what the data set says about all of them."""
    for pattern in _BESIDE:
        for file in path.glob(pattern):
            shutil.copyfile(file, folder / file.name)
            for place in re.findall(r"images/\w+", file.read_text(encoding="utf-8")):
                # A split without an image in this shard is no mistake.
                for name in (place, place.replace("images", "labels", 1)):
                    (folder / name).mkdir(parents=True, exist_ok=True)
    with tarfile.open(shard) as archive:
        archive.extractall(folder, filter="data")


def _add(total: ValidationReport, found: ValidationReport) -> None:
    total.errors += found.errors
    total.warnings += found.warnings
    total.error_counts.update(found.error_counts)
    total.warning_counts.update(found.warning_counts)
    counts = total.counts
    counts["images"] += found.counts["images"]
    counts["annotations"] += found.counts["annotations"]
    counts["classes"] = max(counts["classes"], found.counts["classes"])
    for split, images in found.counts["splits"].items():
        counts["splits"][split] = counts["splits"].get(split, 0) + images
