"""Writes WebDataset shards: per item `<key>.<suffix>`, the image as it is, and `<key>.json`, a line of our JSONL."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from synapse_sdk.utils.converters.blocks import BlockItem
from synapse_sdk.utils.converters.classes import ClassMap
from synapse_sdk.utils.converters.formats import Format, TableOptions, WebDatasetOptions
from synapse_sdk.utils.converters.names import split_suffix
from synapse_sdk.utils.converters.sinks import LocalSink, Sink
from synapse_sdk.utils.converters.sinks.shards import Member, ShardLimits, ShardSink
from synapse_sdk.utils.converters.tables.writer import JsonlWriter

UNSPLIT = "data"


class WebDatasetWriter(JsonlWriter):
    """Writes `<split>-000000.tar` … and `shards.json`, which lists each shard's items, size and SHA-256.

    A key has no dot: readers take everything behind the first one for the suffix.
    """

    format: ClassVar[Format] = Format.WEBDATASET

    def __init__(self, sink: Sink | Path, classes: ClassMap, options: WebDatasetOptions | None = None) -> None:
        inner = LocalSink(sink) if isinstance(sink, Path) else sink
        chosen = options or WebDatasetOptions()
        limits = ShardLimits(chosen.shard_items, chosen.shard_bytes)
        super().__init__(ShardSink(inner, limits, member_of_sample), classes, TableOptions())

    def image_path(self, image_name: str, split: str | None = None) -> str:
        stem, suffix = split_suffix(image_name)
        # A file without a suffix would be no part of its sample.
        return f"{split or UNSPLIT}/{key_of(stem)}{suffix.lower() or '.bin'}"

    def _save(self, item: BlockItem, rows: list[Any]) -> None:
        super()._save(item, rows)
        stem, _ = split_suffix(item.name)
        self._whole_files.append((f"{item.split or UNSPLIT}/{key_of(stem)}.json", self._lines.pop()))

    def _finish(self) -> None:
        self.sink.close()


def key_of(stem: str) -> str:
    """A sample's key for the stem of its image's name; different for different stems."""
    return stem.replace("%", "%25").replace(".", "%2E")


def member_of_sample(path: str) -> Member:
    """Which shards a file of a sample goes into, and its name there."""
    series, _, name = path.partition("/")
    return Member(series, name)
