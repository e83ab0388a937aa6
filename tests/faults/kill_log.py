"""What was killed, at which moment, and what came of it: told at the end, and kept where `SYNAPSE_KILLS_LOG` says."""

import os
import platform
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten

from sqlalchemy import select

from synapse_sdk.plugins.actions.export.output.record import RECORD_NAME
from tests.faults.stage import FINAL, Stage
from web_helper.backend.models import AsyncJob

LOG = os.environ.get("SYNAPSE_KILLS_LOG")
SHOWN_LETTERS = 90
MOMENTS = ("before the job", "server gathers", "converting", "closing")
# How often a process was killed, by database, victim and moment.
KILLED: Counter[tuple[str, str, str]] = Counter()
OUTCOMES: Counter[tuple[str, str]] = Counter()


@dataclass
class Disturbance:
    """One export that is disturbed: what happened to it, in order.

    Attributes:
        stage: The platform that it runs on.
        name: The export's name, which is its format's.
        seed: What the moments were drawn from.
        told: What was done to it, and what it said.
    """

    stage: Stage
    name: str
    seed: int
    told: list[str] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)
    _is_again: bool = False

    @property
    def database(self) -> str:
        return self.stage.database.engine.dialect.name

    def killed(self, victim: str, moment: str) -> None:
        KILLED[self.database, victim, moment] += 1
        self.told.append(f"{victim} killed ({moment})")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def failed(self, words: str) -> None:
        """It ended without the export; the last line is what a person reads last."""
        errors = [line for line in words.splitlines() if "Error" in line]
        self.told.append(shorten(errors[-1] if errors else "Error without a word", SHOWN_LETTERS, placeholder=" …"))

    def resumed(self, job_id: str | None) -> None:
        self._is_again = True
        self.told.append("resumed" if job_id else "begun again")

    def ended(self) -> None:
        """Everything was looked at: the export is whole, and nothing lies beside it."""
        outcome = "same bytes after going on" if self._is_again else "same bytes at once"
        OUTCOMES[self.database, outcome] += 1
        told = ", ".join(self.told) or "nobody killed: it was faster"
        write_line(f"{self.database} {self.name} seed {self.seed}: {told}; same bytes, {self.seconds:.1f} s")


def moment_of(stage: Stage, folder: Path, name: str) -> str:
    """How far an export is, as its note, the server's job and its folder tell."""
    if (folder / "out" / name / RECORD_NAME).exists():
        return "closing"
    notes = list((folder / ".synapse" / "exports").glob("*.json"))
    if not notes:
        return "before the job"
    with stage.database.read() as session:
        status = session.execute(select(AsyncJob.status).where(AsyncJob.id == notes[0].stem)).scalar_one()
    return "converting" if status in FINAL else "server gathers"


def kills_on(stage: Stage) -> int:
    database = stage.database.engine.dialect.name
    return sum(count for (each, _, _), count in KILLED.items() if each == database)


def summary() -> list[str]:
    """A table of who was killed when, on each database, and what came of the exports."""
    rows = []
    for database in sorted({key[0] for key in KILLED}):
        rows.append(f"{database:11}{''.join(f'{moment:>16}' for moment in MOMENTS)}{'all':>8}")
        victims = sorted({key[1] for key in KILLED if key[0] == database})
        for victim in victims:
            counts = [KILLED[database, victim, moment] for moment in MOMENTS]
            rows.append(f"  {victim:9}{''.join(f'{count:16}' for count in counts)}{sum(counts):8}")
        ends = ", ".join(
            f"{count} {outcome}" for (each, outcome), count in sorted(OUTCOMES.items()) if each == database
        )
        rows.append(f"  exports: {ends or 'none came to an end'}")
    return [*rows, f"{KILLED.total()} processes were killed"]


def write_line(text: str) -> None:
    if LOG:
        with Path(LOG).open("a") as file:
            file.write(f"{time.strftime('%H:%M:%S')}  {text}\n")


def write_summary() -> None:
    if LOG:
        with Path(LOG).open("a") as file:
            file.write("\n".join(["", *summary(), f"Python {platform.python_version()}, {os.cpu_count()} cores", ""]))
