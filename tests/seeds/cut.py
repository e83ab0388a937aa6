"""Cuts code blocks out of the seed documents, which lost their indentation: only that is put back, by level per line."""

from pathlib import Path

import pytest

SEEDS = Path(__file__).parents[3] / "shared" / "spec" / "seeds"


def seed_lines(prefix: str) -> list[str]:
    """Lines of the seed document whose file name starts with `prefix`; skips the test where there is none."""
    found = sorted(SEEDS.glob(f"{prefix}*.txt"))
    if not found:
        pytest.skip(f"the specification is not beside this checkout ({SEEDS.name}/{prefix}*)")
    return found[0].read_text().splitlines()


def cut(prefix: str, first_line: int, levels: str, *, width: int = 4) -> str:
    """The block that starts at `first_line` (from 1), one digit of `levels` per line: how deep it is indented."""
    digits = levels.replace(" ", "")
    lines = seed_lines(prefix)[first_line - 1 : first_line - 1 + len(digits)]
    return "\n".join(" " * (width * int(digit)) + line for digit, line in zip(digits, lines, strict=True)) + "\n"
