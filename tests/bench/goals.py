"""What was measured beside what it should be: one table, or JSON, of every part of the benchmark."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Goal:
    """One measured number and its limit.

    Attributes:
        what: What was measured, in words.
        measured: The number; a ratio where one can be made.
        limit: What it should be at most, or at least; None for a number that is only told.
        unit: `x`, `s`, `MB` or nothing.
        facts: Whatever else was seen.
    """

    what: str
    measured: float
    limit: float | None
    unit: str = "x"
    is_at_least: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        if self.limit is None:
            return None
        return self.measured >= self.limit if self.is_at_least else self.measured <= self.limit


def middle(values: Iterable[float]) -> float:
    """The median: a neighbour's work on this machine disturbs one round, not all."""
    return median(values)


def print_goals(goals: Sequence[Goal], *, as_json: bool = False) -> None:
    if as_json:
        rows = [asdict(goal) | {"is_met": goal.is_met} for goal in goals]
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
        return
    table = Table("what", "measured", "goal", "met")
    for goal in goals:
        limit = "" if goal.limit is None else f"{'≥' if goal.is_at_least else '≤'} {goal.limit:g} {goal.unit}"
        met = {True: "yes", False: "NO", None: ""}[goal.is_met]
        table.add_row(goal.what, f"{goal.measured:.2f} {goal.unit}", limit, met)
    Console(width=120).print(table)
