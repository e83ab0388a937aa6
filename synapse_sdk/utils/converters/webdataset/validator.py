"""Checks tar shards against their index, and each sample against the rules of WebDataset and of our schema."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import msgspec

from synapse_sdk.exceptions import FormatError
from synapse_sdk.utils.converters.formats import Format
from synapse_sdk.utils.converters.records import ValidationReport
from synapse_sdk.utils.converters.tables.reader import TableItem
from synapse_sdk.utils.converters.tables.validator import TableCheck
from synapse_sdk.utils.converters.webdataset.reader import ShardFacts, read_index


def validate_webdataset(path: Path) -> ValidationReport:
    """Check size, SHA-256 and count of every shard, and every sample in it."""
    check = TableCheck(Format.WEBDATASET)
    try:
        index = read_index(path)
    except FormatError as exc:
        return check.failed(path, exc)
    for shard in index.shards:
        check.start(path / shard.path)
        _check_shard(check, path / shard.path, shard)
    if sum(shard.items for shard in index.shards) != index.items:
        check.report.error("count_mismatch", "the items of the shards do not add up", path=path)
    return check.done()


def _check_shard(check: TableCheck, file: Path, facts: ShardFacts) -> None:
    decode = msgspec.json.Decoder(TableItem).decode
    names: list[str] = []
    try:
        with file.open("rb") as source:
            reader = HashingReader(source)
            with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|") as shard:
                for number, (name, content) in enumerate(_described(shard, names), 1):
                    item = decode(content)
                    check.image(item.file_name, item.split, number)
                    check.annotations(iter(item.annotations), item.split, number)
                    if names and names != [name]:
                        message = f"{', '.join(names)} and {name}.json are no sample: their keys differ"
                        check.report.error("torn_sample", message, path=file)
                    names.clear()
            reader.drain()
    except (OSError, tarfile.TarError, msgspec.DecodeError) as exc:
        check.report.error("malformed", f"the shard cannot be read: {exc}", path=file)
        return
    if (reader.size, reader.digest.hexdigest()) != (facts.size_bytes, facts.sha256):
        check.report.error("checksum_mismatch", "the shard is not the one that the index names", path=file)


def _described(shard: tarfile.TarFile, keys: list[str]) -> Iterator[tuple[str, bytes]]:
    """Key and content of each `.json`; `keys` gathers those of the members before it."""
    for member in shard:
        key, _, suffix = member.name.partition(".")
        content = shard.extractfile(member) if suffix == "json" else None
        if content is None:
            keys.append(key)
        else:
            yield key, content.read()


class HashingReader:
    """Hashes what is read on the way: a shard is large, and read once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data

    def drain(self) -> None:
        """Read what lies behind the end of the archive."""
        while self.read(1 << 20):
            pass
