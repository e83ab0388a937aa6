"""Processes that die come back, all stop together, and a start that fails leaves nothing behind."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from web_helper.launcher.supervisor import NotReadyError, ProcessSpec, Supervisor, plan_restart

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"


def module_in(folder: Path, name: str, text: str) -> ProcessSpec:
    (folder / f"{name}.py").write_text(text)
    return ProcessSpec(name, name)


def supervisor_of(folder: Path, *specs: ProcessSpec, **options) -> Supervisor:
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)}
    return Supervisor(list(specs), environment, logs, **options)


def wait_until(condition, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("restarts", "lived_seconds", "expected"),
    [(0, 0.1, (1, 1.0)), (1, 0.1, (2, 2.0)), (9, 0.1, (10, 30.0)), (9, 3600, (1, 1.0))],
)
def test_a_process_that_dies_young_waits_longer_each_time(restarts, lived_seconds, expected):
    assert plan_restart(restarts, lived_seconds) == expected


def test_a_killed_process_is_started_again_and_stop_ends_all(tmp_path):
    seen: list[dict[str, int]] = []
    supervisor = supervisor_of(tmp_path, module_in(tmp_path, "sleeper", SLEEPER), on_change=seen.append)
    supervisor.start()
    watcher = threading.Thread(target=supervisor.watch)
    watcher.start()
    try:
        os.kill(seen[0]["sleeper"], signal.SIGKILL)
        wait_until(lambda: len(seen) == 2)
        assert seen[1]["sleeper"] != seen[0]["sleeper"]
        assert is_alive(seen[1]["sleeper"])
    finally:
        supervisor.request_stop()
        watcher.join(120)
    assert not is_alive(seen[1]["sleeper"])


SERVER = """
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path("@/open").unlink()
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path("@/open").touch()
time.sleep(600)
"""
CLIENT = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.5)
    pathlib.Path("@/seen").write_text(str(pathlib.Path("@/open").exists()))
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path("@/ready").touch()
time.sleep(600)
"""


def test_what_is_asked_by_another_ends_after_it(tmp_path):
    texts = {"serves": SERVER, "asks": CLIENT}
    specs = [module_in(tmp_path, name, text.replace("@", str(tmp_path))) for name, text in texts.items()]
    supervisor = supervisor_of(tmp_path, *specs)
    supervisor.start()
    wait_until(lambda: (tmp_path / "open").exists() and (tmp_path / "ready").exists())

    supervisor.stop()

    assert (tmp_path / "seen").read_text() == "True"
    assert not (tmp_path / "open").exists()


def test_a_start_that_fails_names_the_log_and_stops_what_had_started(tmp_path):
    seen: list[int] = []
    good = module_in(
        tmp_path,
        "good",
        f"import os, pathlib\npathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n" + SLEEPER,
    )
    bad = module_in(tmp_path, "bad", "raise SystemExit('no such database')\n")
    bad = ProcessSpec(bad.name, bad.module, health_url="http://127.0.0.1:9/health/")
    supervisor = supervisor_of(tmp_path, good, bad)
    with pytest.raises(NotReadyError, match=r"bad ended while starting.*bad\.log"):
        supervisor.start()
    assert "no such database" in (tmp_path / "logs" / "bad.log").read_text()
    if (tmp_path / "pid").exists():
        seen.append(int((tmp_path / "pid").read_text()))
    assert not any(is_alive(pid) for pid in seen)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_end_when_the_supervisor_is_killed(tmp_path):
    module_in(
        tmp_path,
        "sleeper",
        f"import os, pathlib\npathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n" + SLEEPER,
    )
    script = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "from web_helper.launcher.supervisor import ProcessSpec, Supervisor\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "environment = {'PATH': os.environ['PATH'], 'PYTHONPATH': str(folder)}\n"
        "Supervisor([ProcessSpec('sleeper', 'sleeper')], environment, folder).start()\ntime.sleep(600)\n"
    )
    parent = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", script])
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    child = int((tmp_path / "pid").read_text())
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    wait_until(lambda: not is_alive(child))
