"""The command line that makes the same export."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

_SPLITS = ("train", "val", "test")


def command_of(params: Mapping[str, Any]) -> str:
    """`synapse export …` into the current folder, for a job's parameters."""
    words = ["synapse", "export", "--project", str(params["project"]), "--target", params["target"]]
    for name, value in params["filter"].items():
        if name != "project" and value is not None:
            words += ["--filter", f"{name}={_text_of(value)}"]
    words += ["--format", params["format"], "--out", ".", "--name", params["name"]]
    if task := params["options"].get("task"):
        words += ["--task", str(task)]
    if params["images"] != "copy":
        words += ["--images", params["images"]]
    if split := params["split"]:
        words += ["--split", split if isinstance(split, str) else _shares_of(split)]
    if params["shard_items"] is not None:
        words += ["--shard-items", str(params["shard_items"])]
    if params["strict"]:
        words.append("--strict")
    return shlex.join(words)


def _shares_of(split: Mapping[str, float]) -> str:
    last = max((_SPLITS.index(name) for name in split if name in _SPLITS), default=0)
    return ",".join(f"{split.get(name, 0):g}" for name in _SPLITS[: max(2, last + 1)])


def _text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(str(each) for each in value) if isinstance(value, list) else str(value)
