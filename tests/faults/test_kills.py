"""SIGKILL at random moments: of the server, of the worker, of `synapse export` and of a process that converts for it.

Twenty kills here; `SYNAPSE_KILLS=200`, or `make nightly`, for more, and `SYNAPSE_KILLS_SEED=1000` for other seeds.
"""

import os
import random
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import count, permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from synapse_sdk.plugins.actions.export.output.record import RECORD_NAME
from tests.bench.filling import fill
from tests.faults.conftest import KILLED_FORMATS
from tests.faults.kill_log import Disturbance, kills_on, moment_of
from tests.faults.stage import Command, Stage, processes_with

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(900)]
KILLS = int(os.environ.get("SYNAPSE_KILLS", "20"))
KILLS_PER_RUN = 3
DATABASES = 2
FIRST = int(os.environ.get("SYNAPSE_KILLS_SEED", "0"))
SEEDS = range(FIRST, FIRST - (-KILLS // (KILLS_PER_RUN * DATABASES)))
# Of a delta there are fewer moments, and the server's part of it is the same.
DELTA_SEEDS = SEEDS[: -(-len(SEEDS) // 5)]
SERVER, WORKER, COMMAND, CONVERTER = "server", "worker", "command", "converter"
ORDERS = list(permutations((SERVER, WORKER, COMMAND, CONVERTER), KILLS_PER_RUN))
CONVERTERS = {"SYNAPSE_EXPORT_PARALLELISM": "2"}
CONVERTING_SECONDS = 0.5
OLD_ITEMS, NEW_ITEMS = 2000, 500
TRIES = 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_process_changes_no_byte_of_the_export(stage: Stage, tmp_path: Path, seed: int):
    disturb_export(stage, tmp_path, seed)


@pytest.mark.parametrize("seed", DELTA_SEEDS)
def test_a_killed_process_changes_no_byte_of_a_delta(stage: Stage, old_export: Path, tmp_path: Path, seed: int):
    disturb(stage, tmp_path, "delta", (seed, *ORDERS[seed * 7 % len(ORDERS)]), since=old_export)


@pytest.mark.timeout(7200)
def test_as_many_are_killed_as_were_asked_for(stage: Stage, tmp_path: Path):
    """A moment that comes after the export's end kills nobody: others take its place."""
    for seed in count(SEEDS.stop):
        if kills_on(stage) >= KILLS / DATABASES:
            break
        disturb_export(stage, tmp_path / str(seed), seed)


def disturb_export(stage: Stage, folder: Path, seed: int) -> None:
    # Five and twenty-four have nothing in common: each order comes up, and each with each format.
    order = ORDERS[seed * 5 % len(ORDERS)]
    disturb(stage, folder, KILLED_FORMATS[(seed + seed // len(ORDERS)) % len(KILLED_FORMATS)], (seed, *order))


@pytest.fixture(scope="module")
def old_exports() -> dict[int, Path]:
    return {}


@pytest.fixture
def old_export(stage: Stage, old_exports: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of another project, of which a part was added, changed and deleted since."""
    if id(stage) not in old_exports:
        folder, old = tmp_path_factory.mktemp("old"), fill(stage.database, "changing", OLD_ITEMS)
        what = ("--project", "changing", "--target", "task", "--format", "coco", "--images", "none", "--keep-items")
        command = stage.start(folder, "export", *what, "--out", str(folder / "out"), "--name", "old")
        assert command.wait() == 0, command.words
        fill(stage.database, "changing", OLD_ITEMS + NEW_ITEMS)
        with stage.database.write() as session:
            for change in ("UPDATE tasks SET data = NULL WHERE project_id = :id AND id % 3 = 0",
                           "DELETE FROM tasks WHERE project_id = :id AND id % 10 = 1"):  # fmt: skip
                session.execute(text(change), {"id": old})
        old_exports[id(stage)] = folder / "out" / "old"
        stage.prepare(tmp_path_factory.mktemp("undisturbed"), "delta", since=old_exports[id(stage)])
    return old_exports[id(stage)]


def disturb(
    stage: Stage, folder: Path, name: str, plan: tuple[int, *tuple[str, ...]], since: Path | None = None
) -> None:
    """An export, the kills that the plan's seed and victims say, and the same bytes as undisturbed."""
    seed, *victims = plan
    options = {"since": since, **(CONVERTERS if CONVERTER in victims else {})}
    seen = Disturbance(stage, name, seed)
    if (command := kill_in_turn(seen, folder, victims, **options)) is not None:
        finish(seen, folder, command, **options)
    stage.require_whole(folder, name)
    stage.require_tidy()
    seen.ended()


def kill_in_turn(seen: Disturbance, folder: Path, victims: Iterable[str], **options: Any) -> Command | None:
    """The command that has to come to its end; None when it was killed and had nothing left to do but to end."""
    stage, name, chance = seen.stage, seen.name, random.Random(seen.seed)
    command = stage.export(folder, name, **options)
    for victim in victims:
        # At any moment of what it does.
        time.sleep(chance.uniform(0.0, stage.seconds[name]) if victim != CONVERTER else 0)
        if (pid := pid_of(stage, folder, victim, command)) is None:
            # It was faster than the one that was measured: the next moments come earlier.
            stage.seconds[name] = min(stage.seconds[name], seen.seconds)
            return command
        time.sleep(chance.uniform(0.0, CONVERTING_SECONDS) if victim == CONVERTER else 0)
        moment = moment_of(stage, folder, name)
        if kill(pid):
            seen.killed(victim, moment)
        if victim == COMMAND:
            command.process.wait()
            if is_complete(folder, name):
                return None
            command = go_on(seen, folder, **options)
    return command


def pid_of(stage: Stage, folder: Path, victim: str, command: Command) -> int | None:
    """The process to kill; None when the command has come to its end."""
    while command.process.poll() is None:
        if victim in {SERVER, WORKER}:
            return stage.pid(victim)
        if victim == COMMAND:
            return command.process.pid
        # Those that convert are there for a part of the time only.
        if converters := [pid for pid in processes_with("HOME", folder) if pid != command.process.pid]:
            return converters[0]
        time.sleep(0.02)
    return None


def is_complete(folder: Path, name: str) -> bool:
    """The record is what an export writes last; a note would still have to go."""
    notes = (folder / ".synapse" / "exports").glob("*.json")
    return (folder / "out" / name / RECORD_NAME).exists() and not list(notes)


def kill(pid: int) -> bool:
    """Kill it; False when it was dead already, be it that its parent has not seen so yet."""
    with suppress(FileNotFoundError, ProcessLookupError):
        # After the name, which may hold anything: the state.
        is_living = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        os.kill(pid, signal.SIGKILL)
        return is_living
    return False


def finish(seen: Disturbance, folder: Path, command: Command, **options: Any) -> None:
    """Go on until the export is there, as a person would who reads what the command says."""
    for _ in range(TRIES):
        if command.wait() == 0:
            return
        seen.failed(command.words)
        require_clear_failure(folder, command)
        command = go_on(seen, folder, **options)
    raise AssertionError("\n".join(["the export does not come to an end:", *seen.told, command.words]))


def go_on(seen: Disturbance, folder: Path, **options: Any) -> Command:
    notes = list((folder / ".synapse" / "exports").glob("*.json"))
    seen.resumed(notes[0].stem if notes else None)
    return seen.stage.again(folder, seen.name, **options)


def require_clear_failure(folder: Path, command: Command) -> None:
    """It says what happened in one sentence, and leaves either nothing or a way to go on."""
    words = command.words
    assert "Error" in words, words
    assert "Traceback" not in words, words
    left = list((folder / "out").glob("*"))
    notes = list((folder / ".synapse" / "exports").glob("*.json"))
    assert not left or notes, f"{left} is left, and nothing to go on with"
