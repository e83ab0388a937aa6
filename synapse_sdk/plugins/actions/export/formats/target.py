"""Where a data set goes: a folder, an object store, and shards in either; and how an image gets there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from synapse_sdk.plugins.actions.export.output.files import is_local
from synapse_sdk.utils.converters import Format, ValidationReport, WriterReport, validate_dataset
from synapse_sdk.utils.converters.sinks import LocalSink, Sink
from synapse_sdk.utils.converters.sinks.shards import ShardLimits, ShardSink
from synapse_sdk.utils.converters.sinks.store import StoreSink

# From here on a label file per image is more than file systems, and those who copy them, take well.
MANY_FILES = 200_000
SHARDABLE = frozenset({Format.YOLO, Format.VOC})


def shard_items_of(fmt: Format, params: Mapping[str, Any]) -> int:
    """Images in one shard; 0 where every file stands on its own."""
    asked = params.get("shard_items")
    if fmt not in SHARDABLE:
        return 0
    if asked is not None:
        return int(asked)
    return ShardLimits().items if int(params.get("count") or 0) >= MANY_FILES else 0


def open_sink(root: Any, fmt: Format, params: Mapping[str, Any]) -> Sink:
    """The sink of an export into `root`, local or in an object store.

    Raises:
        OSError: A folder cannot be made.
    """
    sink: Sink = LocalSink(root) if is_local(root) else StoreSink(root)
    items = shard_items_of(fmt, params)
    return ShardSink(sink, ShardLimits(items=items)) if items else sink


def place_through_spare(sink: Sink, path: str, save: Callable[[Path], None]) -> None:
    """Bring an image into a sink that takes whole files only: it waits on this machine for that long, and no longer.

    Raises:
        SynapseError: Saving it failed.
        OSError: It cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="synapse-image-") as folder:
        spare = Path(folder) / "image"
        save(spare)
        sink.place(path, spare, link=True)


def validate_target(root: Any, fmt: Format, written: WriterReport) -> ValidationReport:
    """Check what was written: read back from a folder; in a store, what the store vouched for while it was written."""
    if not is_local(root):
        report = ValidationReport(fmt, counts={"images": written.images, "annotations": written.annotations})
        report.warn("not_read_back", "the store checked each part as it came; the format's rules were not read back")
        return report
    return validate_dataset(fmt, root, written=written).relative_to(Path(root))
