"""Processes that a run starts without a worker: they see its tree, run its files as they are, and write down which."""

import json
import os
import subprocess
import sys

import pytest

from synapse_sdk.components.digests import sha256_of
from tests.cvlabkit.test_run import run
from tests.cvlabkit.tree import AGENT, write_tree

RUN = "logs/lines/first"
LATE = "cvlabkit/component/loss/late.py"
METHODS = ["fork", "spawn", "forkserver"]
STARTS = """
import multiprocessing
import subprocess
import sys


def work():
    import {module}
    from {module} import value

    print(value, flush=True)


def start():
{start}

"""
PROCESS = """\
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
    assert process.exitcode == 0"""
PROGRAM = """\
    subprocess.run([sys.executable, "-c", "from {module} import value; print(value, flush=True)"], check=True)"""


def write_agent(root, module: str, start: str, before: str = "") -> None:
    """An agent whose set-up starts a process, which imports a module."""
    text = STARTS.format(module=module, start=start) + AGENT
    text = text.replace("def setup(self):", f"def setup(self):\n        {before or 'pass'}\n        start()")
    (root / "cvlabkit/agent/fitter.py").write_text(text)


def stale(path, old: str, new: str) -> None:
    """A file whose compiled code is of another text that has the same length and time."""
    path.write_text(old)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(path.parent)], check=True)
    path.write_text(new)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def output_of(root, *, exit_code: int = 0) -> tuple[str, str]:
    command = [sys.executable, "-m", "cvlabkit", "run", "config.yaml"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == exit_code, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("how", [*METHODS, "program"])
def test_a_started_process_runs_the_trees_files_and_records_them(tmp_path, how):
    write_tree(tmp_path)
    module = "cvlabkit.component.loss.late"
    start = PROGRAM.format(module=module) if how == "program" else PROCESS.format(method=how)
    write_agent(tmp_path, module, start)
    stale(tmp_path / LATE, "value = 'old'\n", "value = 'new'\n")
    stdout, _ = output_of(tmp_path)
    assert stdout.splitlines()[0] == "new"
    imports = json.loads((tmp_path / RUN / "imports.json").read_text())
    assert imports[LATE] == sha256_of(b"value = 'new'\n")
    assert {path.name for path in (tmp_path / RUN).iterdir()} == {"config.yaml", "metrics.jsonl", "imports.json"}


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_component_that_was_changed_since_is_refused_there(tmp_path, method):
    write_tree(tmp_path)
    (tmp_path / LATE).write_text("value = 1\n")
    change = f"import cvlabkit.component.loss.late; open({LATE!r}, 'w').write('value = 2')"
    write_agent(tmp_path, "cvlabkit.component.loss.late", PROCESS.format(method=method), change)
    stdout, stderr = output_of(tmp_path, exit_code=1)
    assert "late.py was changed after this run had begun" in stderr
    assert stdout == ""


def test_a_process_that_outlives_its_run_is_left_alone(tmp_path):
    write_tree(tmp_path)
    (tmp_path / LATE).write_text("value = 1\n")
    # It waits for the end of the run: the file that the run's processes share is gone then.
    program = (
        "import os, time\n"
        "shared = __import__('json').loads(os.environ['CVLABKIT_SPAWNED'])[0]\n"
        "import cvlabkit\n"
        "while os.path.exists(shared): time.sleep(0.01)\n"
        "import cvlabkit.component.loss.late\n"
        "open('done', 'w').close()\n"
    )
    start = f'    global left\n    left = subprocess.Popen([sys.executable, "-c", {program!r}])'
    write_agent(tmp_path, "json", start)
    text = (tmp_path / "cvlabkit/agent/fitter.py").read_text()
    (tmp_path / "cvlabkit/agent/fitter.py").write_text(
        f"{text}\nimport atexit\natexit.register(lambda: left.wait(200))\n"
    )
    run(tmp_path)
    assert (tmp_path / "done").exists()
