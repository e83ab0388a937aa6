"""A run is started once, found again, stopped, held still; and nothing of it is left when it is over."""

import os
import signal
import subprocess
import sys

import pytest

from tests.middleend.kit import command, log_of, processes_with, python, run, states_of, until, wait
from tests.processes import cmdline, kill_with
from web_helper.middleend.worker.child.run_process import RunExit, RunProcess

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    yield tmp_path / "run"
    kill_with(str(tmp_path / "run"))


def start(folder, code=SLEEP, **options):
    process = RunProcess(folder)
    process.start(python(folder, code, **options))
    until(lambda: "up" in log_of(folder))
    return process


@pytest.mark.parametrize(
    ("code", "exit_code", "number"),
    [("print('done')", 0, None), ("raise SystemExit(3)", 3, None), ("import os; os.kill(os.getpid(), 11)", None, 11)],
)
def test_how_a_run_ends_is_told(folder, code, exit_code, number):
    ending, _ = run(folder, python(folder, code))
    assert (ending.reason, ending.exit_code, ending.signal) == ("ended", exit_code, number)


def test_everything_that_is_printed_is_the_log(folder):
    _, log = run(folder, python(folder, "import sys; print('out'); print('err', file=sys.stderr)"))
    assert sorted(log.split()) == ["err", "out"]


def test_a_program_that_is_not_there_is_told(folder):
    ending, _ = run(folder, command(folder, str(folder / "nowhere")))
    assert (ending.reason, ending.message) == ("not_started", "No such file or directory")


def test_starting_again_does_nothing(folder):
    code = "print('up', flush=True); open('count', 'a').write('x')"
    for _ in range(2):
        run(folder, python(folder, code))
    assert (folder / "count").read_text() == "x"


def test_a_run_outlives_who_started_it_and_is_found_again(folder):
    starter = (
        f"from tests.middleend.test_run_process import start; from pathlib import Path; start(Path({str(folder)!r}));"
        "import os; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", starter], check=False)
    assert done.returncode == -9
    process = RunProcess(folder)
    assert process.was_started
    assert process.poll() is None
    process.request_stop()
    assert wait(process).reason == "stopped"


def test_a_run_that_does_not_want_to_end_is_killed(folder):
    code = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
    process = start(folder, code, stop_seconds=0.2)
    process.request_stop()
    ending = wait(process)
    assert (ending.reason, ending.signal) == ("stopped", 9)


def test_a_run_may_clean_up_when_it_is_stopped(folder):
    code = (
        "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(print('cleaned', flush=True)))\n" + SLEEP
    )
    process = start(folder, code, stop_seconds=60)
    process.request_stop()
    assert wait(process).reason == "stopped"
    assert "cleaned" in log_of(folder)


def test_a_stop_before_the_start_starts_nothing(folder):
    RunProcess(folder).request_stop()
    ending, log = run(folder, python(folder, SLEEP))
    assert (ending.reason, log) == ("stopped", "")


@pytest.mark.parametrize("is_killed", [True, False])
def test_no_process_of_a_run_is_left(folder, is_killed):
    """Nor one that left its group and session; also when the keeper itself is killed."""
    flee = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
    process = start(folder, f"{flee}\n{SLEEP}" if is_killed else f"{flee}\nprint('up')")
    if is_killed:
        keepers = [pid for pid in processes_with(str(folder)) if b"keeper.py" in cmdline(pid)]
        assert len(keepers) == 1
        os.kill(keepers[0], signal.SIGKILL)
    assert wait(process).reason == ("vanished" if is_killed else "ended")
    assert processes_with(f"SYNAPSE_EXPERIMENT_RUN={folder}") == []


def test_a_paused_run_stands_still_and_goes_on(folder):
    code = "import time\nprint('up', flush=True)\nwhile True: open('ticks', 'a').write('x'); time.sleep(0.01)"
    process = start(folder, code)
    ticks = folder / "ticks"
    until(lambda: ticks.exists() and ticks.stat().st_size > 3)
    process.pause()
    until(
        lambda: states_of(f"SYNAPSE_EXPERIMENT_RUN={folder}") == {"T"},
        explain=lambda: states_of(f"SYNAPSE_EXPERIMENT_RUN={folder}"),
    )
    held = ticks.stat().st_size
    assert process.poll() is None
    assert ticks.stat().st_size == held
    process.resume()
    until(lambda: ticks.stat().st_size > held + 3)
    process.pause()
    until(lambda: states_of(f"SYNAPSE_EXPERIMENT_RUN={folder}") == {"T"})
    process.request_stop()
    assert wait(process).reason == "stopped"


def test_a_log_without_end_is_bounded_and_keeps_its_end(folder):
    code = "import sys\nfor i in range(30000): print(i, 'x' * 90)\nprint('the reason')"
    _, log = run(folder, python(folder, code, log_bytes=100_000))
    assert len(log) < 100_000 + 70_000
    assert log.startswith("0 xxx")
    assert log.endswith("the reason\n")
    assert "bytes were left out here" in log


def test_a_run_that_closes_its_output_goes_on(folder):
    ending, _ = run(folder, python(folder, "import os, time; os.close(1); os.close(2); time.sleep(0.5); os._exit(4)"))
    assert ending.exit_code == 4


def test_an_end_that_the_run_wrote_itself_is_none(tmp_path):
    code = "open('exit.json', 'w').write('{\"reason\": \"ended\", \"exit_code\": 0}'); raise SystemExit(3)"
    ending, _ = run(tmp_path, python(tmp_path, code))
    assert ending == RunExit("ended", exit_code=3)
