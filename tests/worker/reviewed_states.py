"""The reviewed table of `docs/reference/component-states.md`, as tests read it."""

import itertools
from dataclasses import dataclass

from tests.docs.pages import ROOT, table_of
from web_helper.middleend.sync_plan import ComponentState, ConflictType, SyncAction, SyncStrategy

PAGE = ROOT / "docs" / "reference" / "component-states.md"
# What may lie here, be wanted by the server, be the base: `a` and `b` are versions of the server's, `e` is not.
LOCAL, SERVER, BASE = "-abe", "-ab", "-abe"
STRATEGIES = (
    SyncStrategy.SERVER_AUTHORITATIVE,
    SyncStrategy.LOCAL_PRIORITY,
    SyncStrategy.INTERACTIVE,
    SyncStrategy.DRY_RUN,
)


@dataclass(frozen=True)
class Reviewed:
    """One row."""

    difference: ConflictType | None
    actions: dict[SyncStrategy, SyncAction | None]
    keeps_copy: bool


def all_states() -> list[str]:
    return [" ".join(values) for values in itertools.product(LOCAL, SERVER, BASE)]


def state_of(key: str) -> ComponentState:
    local, server, base = (None if value == "-" else value for value in key.split())
    return ComponentState(local, server, base, is_known=local in ("a", "b"))


def read_table() -> dict[str, Reviewed]:
    rows = [[cell.strip("`") for cell in row] for row in table_of(PAGE, "here")]
    assert len({tuple(row[:3]) for row in rows}) == len(rows), "a state is there twice"
    return {
        " ".join(row[:3]): Reviewed(
            ConflictType(row[3]) if row[3] else None,
            {strategy: SyncAction(cell) if cell else None for strategy, cell in zip(STRATEGIES, row[4:8], strict=True)},
            row[8] == "yes",
        )
        for row in rows
    }
