"""Words of the command line as values: filters, splits, and what only some formats know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synapse_sdk.cli.failures import UsageError
from synapse_sdk.plugins.actions.export.formats.target import SHARDABLE
from synapse_sdk.utils.converters import Format

# Filters that take several values; the others take one.
ID_LISTS = frozenset({"ids", "ids_ex"})
WORD_LISTS = frozenset({"tags"})
SPLIT_NAMES = ("train", "val", "test")
BY_TAG = "tag"


def parse_filters(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as the server's filters; which keys there are is the server's to say.

    Lists (`ids=1,2,3`, `tags=night,rain`) may also be given in several words.

    Raises:
        UsageError: A word has no `=`, a value cannot be read, or a key comes twice.
    """
    filters: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip()
        if not (key and equals):
            raise UsageError(f"--filter {word!r} is not KEY=VALUE. Write it as --filter status_label=completed.")
        value = _value(key, text.strip())
        if key not in filters:
            filters[key] = value
        elif isinstance(value, list):
            filters[key] += value
        else:
            raise UsageError(f"--filter {key} is given twice. It takes one value.")
    return filters


def parse_split(text: str | None) -> dict[str, float] | str | None:
    """`0.8,0.1,0.1` as ratios of train, val and test; `tag` splits by the items' tags.

    Raises:
        UsageError: It is neither.
    """
    if text is None or text == BY_TAG:
        return text
    parts = text.split(",")
    try:
        ratios = [float(part) for part in parts]
    except ValueError as exc:
        raise UsageError(f"--split {text!r} is neither numbers such as 0.8,0.1,0.1 nor the word {BY_TAG!r}.") from exc
    # Written so that not-a-number is refused too.
    if len(ratios) > len(SPLIT_NAMES) or not all(0 <= ratio <= 1 for ratio in ratios):
        raise UsageError(f"--split {text!r} needs two or three shares from 0 to 1: train, val and test.")
    if abs(sum(ratios) - 1) > 1e-6:
        raise UsageError(f"--split {text!r} adds up to {sum(ratios):g}, not to 1.")
    return dict(zip(SPLIT_NAMES, ratios, strict=False))


def parse_format_options(fmt: Format, *, task: str | None, shard_items: int | None) -> dict[str, Any]:
    """What a format is asked for beyond its name, as parameters of the export.

    Raises:
        UsageError: The format has no shards, or cannot do without.
    """
    options: dict[str, Any] = {"task": task} if task else {}
    if fmt is Format.WEBDATASET and shard_items is not None:
        if not shard_items:
            raise UsageError("--shard-items 0 asks for single files; WebDataset has none. Use jsonl for these.")
        options["shard_items"] = shard_items
    elif shard_items is not None and fmt not in SHARDABLE:
        raise UsageError(f"--shard-items is for yolo, voc and webdataset; {fmt} has few annotation files as it is.")
    return {"options": options, "shard_items": shard_items if fmt in SHARDABLE else None}


def _value(key: str, text: str) -> Any:
    if not text:
        raise UsageError(f"--filter {key}= has no value.")
    if key in ID_LISTS:
        return [_number(key, part) for part in text.split(",")]
    if key in WORD_LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if key.startswith("is_"):
        return _switch(key, text)
    return int(text) if text.isdecimal() and key != "search" else text


def _number(key: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise UsageError(f"--filter {key}: {text!r} is no id. Write it as {key}=1,2,3.")
    return int(text)


def _switch(key: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise UsageError(f"--filter {key}: {text!r} is neither true nor false.")
    return text.lower() == "true"
