"""Reads tar shards in order, without unpacking them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.reading import Problems
from synapse_sdk.utils.converters.records import BadFile, SourceItem
from synapse_sdk.utils.converters.sinks.shards import INDEX_NAME
from synapse_sdk.utils.converters.tables.reader import TableItem, source_item


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


def read_webdataset(path: Path, images: Path | None = None) -> Iterator[SourceItem | BadFile]:  # noqa: ARG001 - images are inside
    """Yield each sample's annotations; its image stays in its shard, so an import brings annotations only.

    Raises:
        FormatError: There are no shards of ours.
    """
    for shard in read_index(path).shards:
        file = path / shard.path
        for number, found in enumerate(_samples(file), 1):
            if isinstance(found, BadFile):
                yield found
            else:
                yield from source_item(found, Problems(file), None, [number] * len(found.annotations))


def _samples(file: Path) -> Iterator[TableItem | BadFile]:
    decode = msgspec.json.Decoder(TableItem).decode
    try:
        with tarfile.open(file, "r|") as shard:
            for member in shard:
                if not member.name.endswith(".json"):
                    continue
                content = shard.extractfile(member)
                try:
                    yield decode(content.read() if content else b"")
                except msgspec.DecodeError as exc:
                    yield BadFile(file, None, f"{member.name} is not what a sample of ours holds: {exc}")
    except (OSError, tarfile.TarError) as exc:
        yield BadFile(file, None, f"the shard cannot be read: {exc}")
