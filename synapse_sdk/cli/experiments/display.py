"""Experiments as tables and facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import typer

from synapse_sdk.cli.output import plain, print_facts, print_table, say

COLUMNS = ("uid", "name", "project", "status", "priority", "device", "run", "created", "values")
# A value may be a whole mapping; `show` prints the config.
MAX_SHOWN_VALUE = 40
# Of a measurement; with the second, every two floats that differ look different.
MIN_DIGITS, EXACT_DIGITS = 4, 17
_FACTS = (
    "uid", "name", "project", "status", "message", "priority", "wanted_device", "device", "seed", "reproduces", "user",
    "created_at", "started_at", "finished_at", "exit_code",
)  # fmt: skip
_RECORDED = ("core_hash", "base_hash", "config_sha256", "lock_sha256", "host", "gpu", "python")


def print_rows(rows: Iterable[Mapping[str, Any]], *, empty: str = "") -> None:
    """One line for each experiment."""
    print_table(COLUMNS, (_cells(row) for row in rows), empty=empty)


def print_detail(found: Mapping[str, Any], config: str) -> None:
    """One experiment: what it is, what it runs with, its config."""
    manifest = found["manifest"] or {}
    facts = {name: found[name] for name in _FACTS} | {"values": _values(found)}
    facts |= {name: manifest.get(name) for name in _RECORDED}
    print_facts({name: value for name, value in facts.items() if value not in (None, "")})
    typer.echo()
    print_table(("component", "hash"), ([path, each["hash"]] for path, each in sorted(found["components"].items())))
    typer.echo()
    for line in config.splitlines():
        typer.echo(plain(line))


def print_comparison(found: Mapping[str, Any]) -> None:
    """What differs, one line each; what is the same is not shown."""
    kinds = ("config", "components", "environment", "metrics")
    rows = [
        [kind, each["key"], *(tell_apart(each["a"], each["b"]) if kind == "metrics" else (each["a"], each["b"]))]
        for kind in kinds
        for each in found[kind]
    ]
    if rows:
        print_table(("what", "key", found["a"]["uid"], found["b"]["uid"]), rows)
    else:
        say("Config, components and environment are the same, and so are the last metrics.")
    if found["same_metrics"]:
        say("Every row of their metrics is the same.")


def tell_apart(a: Any, b: Any) -> tuple[Any, Any]:
    """Two measurements with as many digits as tell them apart, four at least; what is no fraction as it is."""
    digits = MIN_DIGITS
    while digits < EXACT_DIGITS and a != b and _rounded(a, digits) == _rounded(b, digits):
        digits += 1
    return _rounded(a, digits), _rounded(b, digits)


def _rounded(value: Any, digits: int) -> Any:
    if not isinstance(value, float) or not isfinite(value):
        return value
    # The digits before the point are never rounded away.
    return f"{value:.{max(digits, len(str(int(abs(value)))))}g}"


def print_devices(rows: Iterable[Mapping[str, Any]]) -> None:
    """One line for each host."""
    columns = ("device", "status", "heard from", "runs", "slots", "GPUs", "torch")
    empty = "No machine has joined yet. Let one: `synapse worker up --server URL`, on it."
    print_table(columns, (_device_cells(row) for row in rows), empty=empty)


def _device_cells(row: Mapping[str, Any]) -> list[object]:
    report = row["report"] or {}
    gpus = ", ".join(gpu["name"] for gpu in report.get("gpus", []))
    heard = row["last_seen_at"] or "never"
    runs = " ".join(row["active_jobs"])
    return [row["host_id"], row["status"], heard, runs, report.get("slots"), gpus, report.get("torch_version")]


def _cells(row: Mapping[str, Any]) -> list[object]:
    device = row["device"] or (f"({row['wanted_device']})" if row["wanted_device"] else None)
    run = f"{row['grid'] + 1} of {row['grid_size']}" if row["grid_size"] > 1 else ""
    return [
        row["uid"],
        row["name"],
        row["project"],
        row["status"],
        row["priority"],
        device,
        run,
        row["created_at"],
        _values(row),
    ]


def _values(row: Mapping[str, Any]) -> str:
    """What tells a run from the others of its grid. A server that is older does not say."""
    return ", ".join(f"{each['key']}={_cut(each['value'])}" for each in row.get("choices", []))


def _cut(value: str) -> str:
    return value if len(value) <= MAX_SHOWN_VALUE else f"{value[: MAX_SHOWN_VALUE - 1]}…"
