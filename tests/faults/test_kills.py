"""SIGKILL at random moments: of the server, of the worker, of `synapse export`. In the end the same bytes.

Twenty kills here; `SYNAPSE_KILLS=200`, or `make nightly`, for more. A seed that fails fails again.
"""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import FORMATS
from tests.faults.stage import Command, Stage

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("faults"), pytest.mark.timeout(240)]
KILLS = int(os.environ.get("SYNAPSE_KILLS", "20"))
KILLS_PER_RUN = 2
DATABASES = 2
SEEDS = range(-(-KILLS // (KILLS_PER_RUN * DATABASES)))
VICTIMS = ("server", "worker", "command")
TRIES = 6


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_process_changes_no_byte_of_the_export(stage: Stage, tmp_path: Path, seed: int):
    chance = random.Random(seed)
    fmt = FORMATS[seed % len(FORMATS)]
    command, told = stage.export(tmp_path, fmt), []
    for number in range(KILLS_PER_RUN):
        # Each process in turn, at any moment of what it does.
        victim = VICTIMS[(seed * KILLS_PER_RUN + number) % len(VICTIMS)]
        time.sleep(chance.uniform(0.0, stage.seconds[fmt]))
        told.append(f"{victim} killed")
        if command.process.poll() == 0:
            # It was faster: nothing is left to disturb.
            break
        if victim == "command":
            command.kill()
            command = stage.again(tmp_path, fmt)
        else:
            kill(stage.pid(victim))
    finish(stage, tmp_path, fmt, command, told)
    stage.require_whole(tmp_path, fmt)
    stage.require_tidy()


def kill(pid: int) -> None:
    """One that is dead already and waits for its supervisor is as good as killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def finish(stage: Stage, folder: Path, fmt: str, command: Command, told: list[str]) -> None:
    """Go on until the export is there, as a person would who reads what the command says."""
    for _ in range(TRIES):
        if command.wait() == 0:
            return
        told.append(command.words)
        require_clear_failure(folder, command)
        command = stage.again(folder, fmt)
    raise AssertionError("\n".join(["the export does not come to an end:", *told]))


def require_clear_failure(folder: Path, command: Command) -> None:
    """It says what happened in one sentence, and leaves either nothing or a way to go on."""
    words = command.words
    assert "Error" in words, words
    assert "Traceback" not in words, words
    left = list((folder / "out").glob("*"))
    notes = list((folder / ".synapse" / "exports").glob("*.json"))
    assert not left or notes, f"{left} is left, and nothing to go on with"
