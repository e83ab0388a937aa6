"""What is executed is what was recorded: anything else is written down, and refused."""

import json
import os
import py_compile
import subprocess
import sys
from dataclasses import replace

import pytest

from synapse_sdk.components.digests import sha256_of
from tests.middleend.kit import digests_of, log_of, make_tree, observed, run
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.manifest import read_executed, unrecorded

FIRST = b"import cvlabkit.component.loss.second\nprint('first')\n"
SECOND = b"print('second')\n"
NEEDED = {"agent/first.py": FIRST, "loss/second.py": SECOND}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


def run_tree(folder, components):
    record = make_tree(folder, components)
    ending, log = run(folder)
    executed = read_executed(folder / "imports.jsonl")
    return ending, log, executed, unrecorded(executed, record.files)


def test_a_run_executes_a_part_of_its_manifest(folder):
    ending, log, executed, strange = run_tree(folder, {**NEEDED, "model/unused.py": b"x\n"})
    assert (ending.exit_code, log) == (0, "second\nfirst\n")
    assert strange == []
    assert executed.files["cvlabkit/agent/first.py"] == sha256_of(FIRST)
    assert set(executed.files) == {
        f"cvlabkit/{name}"
        for name in (
            "__init__.py", "__main__.py", "component/__init__.py", "component/base/__init__.py",
            "component/base/part.py", "agent/first.py", "component/loss/second.py",
        )
    }  # fmt: skip


WRITES = """\
from pathlib import Path
place = Path(__file__).parents[1] / "component" / "loss" / "{name}.py"
place.unlink(missing_ok=True)
place.write_text("print('smuggled')")
import cvlabkit.component.loss.{name}
"""


@pytest.mark.parametrize(
    ("name", "reason"), [("other", "is not in the run's manifest"), ("second", "is not as the run")]
)
def test_a_file_that_appears_or_changes_during_the_run_is_refused(folder, name, reason):
    components = {**NEEDED, "agent/first.py": WRITES.format(name=name).encode()}
    ending, log, executed, strange = run_tree(folder, components)
    assert ending.exit_code == 1
    assert "smuggled" not in log.replace("print('smuggled')", "")
    assert f"cvlabkit/component/loss/{name}.py {reason}" in "".join(strange)
    assert f"cvlabkit/component/loss/{name}.py" not in executed.files


def test_catching_the_refusal_does_not_hide_it(folder):
    text = "try:\n" + "".join(f"    {line}\n" for line in WRITES.format(name="other").splitlines())
    ending, _, _, strange = run_tree(folder, {**NEEDED, "agent/first.py": f"{text}except ImportError: pass\n".encode()})
    assert ending.exit_code == 0
    assert len(strange) == 1


def test_a_component_from_another_tree_is_refused(folder, tmp_path):
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "mine.py").write_text("print('smuggled')")
    text = f"import cvlabkit.component as c\nc.__path__.append({str(tmp_path / 'checkout')!r})\nimport cvlabkit.component.mine\n"
    ending, log, _, strange = run_tree(folder, {"agent/first.py": text.encode()})
    assert ending.exit_code == 1
    assert "lies outside the run's own tree" in strange[0]
    assert "smuggled" not in log


def test_compiled_code_without_its_source_is_refused(folder, tmp_path):
    make_tree(folder, NEEDED)
    other = tmp_path / "other.py"
    other.write_text("print('smuggled')")
    place = folder / "cvlabkit/component/loss/second.py"
    os.utime(place, (1, 1))
    os.utime(other, (1, 1))
    cached = place.parent / "__pycache__" / f"second.{sys.implementation.cache_tag}.pyc"
    cached.parent.mkdir(parents=True)
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(other), cfile=str(cached), dfile=str(place), invalidation_mode=mode)
    ending, log = run(folder)
    assert ending.exit_code == 1
    assert "second.py is not as the run's manifest has it" in read_executed(folder / "imports.jsonl").problems[0]
    assert "smuggled" not in log


def test_a_forked_process_is_watched_too(folder):
    text = b"import os\nif os.fork() == 0:\n    import cvlabkit.component.loss.second\n    os._exit(0)\nos.wait()\n"
    _, log, executed, strange = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert (log, strange) == ("second\n", [])
    assert "cvlabkit/component/loss/second.py" in executed.files


SPAWNS = """\
import multiprocessing
import os
import sys

def work():
    import cvlabkit.component.loss.second
    {last}

if "IS_CHILD" not in os.environ:
    os.environ["IS_CHILD"] = "yes"
    process = multiprocessing.get_context("{method}").Process(target=work)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_spawned_process_is_watched_too(folder, method):
    text = SPAWNS.format(method=method, last="pass").encode()
    ending, log, executed, strange = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert (ending.exit_code, log, strange) == (0, "second\n", [])
    assert executed.files["cvlabkit/component/loss/second.py"] == sha256_of(SECOND)


def test_a_spawned_process_executes_nothing_that_is_not_recorded(folder):
    smuggle = "import pathlib; pathlib.Path(__file__).with_name('other.py').write_text('print(1)'); "
    text = SPAWNS.format(method="spawn", last=f"{smuggle}import cvlabkit.agent.other").encode()
    ending, log, executed, _ = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert ending.exit_code == 1
    assert executed.problems == ("cvlabkit/agent/other.py is not in the run's manifest",)
    assert "1\n" not in log.splitlines(keepends=True)


COMMAND = """\
import os, subprocess, sys
words, env = {words}, {env}
print(subprocess.run([sys.executable, *words, "import cvlabkit.component.loss.second"], env=env).returncode)
"""


@pytest.mark.parametrize("words", [["-c"], ["-B", "-Xutf8", "-W", "ignore", "-c"]])
def test_a_python_that_the_run_starts_is_watched_too(folder, words):
    text = COMMAND.format(words=words, env=None).encode()
    _, log, executed, strange = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert (log, strange) == ("second\n0\n", [])
    assert "cvlabkit/component/loss/second.py" in executed.files


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (["-I", "-c"], None),
        (["-BE", "-c"], None),
        (["-S", "-c"], None),
        (["-c"], "{}"),
        (["-c"], "{'PYTHONPATH': '.'}"),
    ],
)
def test_a_python_that_could_not_be_watched_does_not_start(folder, words, env):
    text = COMMAND.format(words=words, env=env).encode()
    ending, log, executed, strange = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert ending.exit_code == 1
    assert "second\n" not in log.splitlines(keepends=True)
    assert "cvlabkit/component/loss/second.py" not in executed.files
    assert strange == ["a Python process was started without what lets it be watched"]


def test_the_machines_own_sitecustomize_does_its_work(folder, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("print('own')\n")
    make_tree(folder, {**NEEDED, "agent/first.py": COMMAND.format(words=["-c"], env=None).encode()})
    watched = observed(folder)
    ending, log = run(folder, replace(watched, env={**watched.env, "PYTHONPATH": str(tmp_path / "own")}))
    assert (ending.exit_code, log) == (0, "own\nown\nsecond\n0\n")


def test_a_process_that_cannot_be_watched_does_not_start(folder):
    text = b"import pathlib; pathlib.Path('files.json').unlink()\n" + COMMAND.format(words=["-c"], env=None).encode()
    _, log, executed, _ = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert log.splitlines()[-1] == "1"
    assert "cannot be watched, so it does not start" in log
    assert "cvlabkit/component/loss/second.py" not in executed.files


def test_a_run_that_is_killed_leaves_its_record(folder):
    text = b"import os, cvlabkit.component.loss.second\nos.kill(os.getpid(), 9)\n"
    ending, _, executed, _ = run_tree(folder, {**NEEDED, "agent/first.py": text})
    assert ending.signal == 9
    assert "cvlabkit/component/loss/second.py" in executed.files


def test_optional_components_may_be_missing(folder):
    text = b"try:\n    import cvlabkit.component.loss.absent\nexcept ImportError:\n    print('without')\n"
    ending, log, _, strange = run_tree(folder, {"agent/first.py": text})
    assert (ending.exit_code, log, strange) == (0, "without\n", [])


VERSIONS = [f"print('version {number}')\n".encode() for number in range(5)]


def test_files_replaced_within_a_second_at_equal_length_run_as_they_are(tmp_path):
    """Python trusts whole-second times and sizes; here they are all equal, and every run executes its own."""
    cache = ContentCache(tmp_path / "cache")
    for number, content in enumerate(VERSIONS):
        folder = tmp_path / f"run-{number}"
        record = make_tree(folder, {"agent/first.py": content}, cache)
        os.utime(folder / "cvlabkit/agent/first.py", (1_000_000, 1_000_000))
        ending, log = run(folder)
        executed = read_executed(folder / "imports.jsonl")
        assert (ending.exit_code, log) == (0, f"version {number}\n")
        assert executed.files["cvlabkit/agent/first.py"] == digests_of({"agent/first.py": content})["agent/first.py"]
        assert unrecorded(executed, record.files) == []


def test_one_tree_whose_file_is_replaced_runs_no_stale_bytecode_either(tmp_path):
    """The same in one place, which no run of ours has; without these options Python runs the first version each time."""
    place = tmp_path / "run" / "cvlabkit" / "agent" / "first.py"
    plain = []
    for content in VERSIONS:
        make_tree(tmp_path / "run", {"agent/first.py": content}, ContentCache(tmp_path / "cache"))
        os.utime(place, (1_000_000, 1_000_000))
        for name in ("keeper.json", "exit.json", "log", "imports.jsonl"):
            (tmp_path / "run" / name).unlink(missing_ok=True)
        run(tmp_path / "run")
        assert f"print('{log_of(tmp_path / 'run').strip()}')\n".encode() == content
        env = {"PATH": "/usr/bin:/bin", "PYTHONPYCACHEPREFIX": str(tmp_path / "plain")}
        told = subprocess.run(
            [sys.executable, "-m", "cvlabkit"],
            cwd=tmp_path / "run",
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        plain.append(told.stdout)
    assert plain == ["version 0\n"] * len(VERSIONS)


def test_a_record_that_the_run_wrote_to_is_no_record(folder):
    make_tree(folder, NEEDED)
    (folder / "imports.jsonl").write_text(json.dumps({"nothing": 1}) + "\n")
    with pytest.raises(ValueError, match="cannot be read"):
        read_executed(folder / "imports.jsonl")
