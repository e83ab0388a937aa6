"""Reads tar shards in order, one at a time."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.reading import ImageFinder, Problems
from synapse_sdk.utils.converters.records import BadFile, SourceItem
from synapse_sdk.utils.converters.sinks.shards import INDEX_NAME
from synapse_sdk.utils.converters.tables.reader import TableItem, item_with_image, source_item
from synapse_sdk.utils.converters.webdataset.unpacking import unpack_samples


class ShardFacts(msgspec.Struct):
    """What the index says of a shard."""

    path: str
    items: int
    size_bytes: int
    sha256: str


class ShardIndex(msgspec.Struct):
    """`shards.json`."""

    items: int
    shards: list[ShardFacts]


def read_index(path: Path) -> ShardIndex:
    """The index of the shards in a folder.

    Raises:
        FormatError: There is none, or it is not one of ours.
    """
    try:
        index = msgspec.json.decode((path / INDEX_NAME).read_bytes(), type=ShardIndex)
    except (OSError, msgspec.DecodeError) as exc:
        raise FormatError(f"{path} has no readable {INDEX_NAME}. Give the folder of the shards.") from exc
    if any("/" in shard.path or "\\" in shard.path or shard.path.startswith(".") for shard in index.shards):
        raise FormatError(f"{INDEX_NAME} names a shard outside its folder.")
    return index


def read_webdataset(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:
    """Yield each sample, its image taken out of its shard for as long as items of that shard are held.

    Args:
        path: The folder of the shards.
        images: Where the images are of samples without one.

    Raises:
        FormatError: There are no shards of ours.
    """
    finder = ImageFinder([images]) if images else None
    for shard in read_index(path).shards:
        file = path / shard.path
        try:
            for number, (held, image, name, content) in enumerate(unpack_samples(file), 1):
                for found in _read_sample(content, (file, name, number), image, finder):
                    yield replace(found, held=held) if isinstance(found, SourceItem) else found
        except (OSError, tarfile.TarError) as exc:
            yield BadFile(file, None, f"the shard cannot be read: {exc}")


def _read_sample(
    content: bytes, place: tuple[Path, str, int], image: Path | None, finder: ImageFinder | None
) -> Iterator[SourceItem | BadFile]:
    shard, name, number = place
    try:
        item = msgspec.json.decode(content, type=TableItem)
    except msgspec.DecodeError as exc:
        yield BadFile(shard, None, f"{name} is not what a sample of ours holds: {exc}")
        return
    lines = [number] * len(item.annotations)
    if image is None:
        yield from source_item(item, Problems(shard), finder, lines)
    else:
        yield from item_with_image(item, Problems(shard), image, lines)
