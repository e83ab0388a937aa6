"""A kit of three lines, and runs of it: what is tested is what surrounds the kit."""

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

from synapse_sdk.components.digests import sha256_of
from tests.processes import processes_with
from web_helper.middleend.worker.child.run_process import OBSERVED, Command, RunProcess
from web_helper.middleend.worker.content_cache import ContentCache
from web_helper.middleend.worker.run_tree import KitFiles, build_tree, verify_tree

MAIN = b"""\
import cvlabkit.component.base.part
import cvlabkit.agent.first
"""
KIT = KitFiles(
    {
        "cvlabkit/__init__.py": b"",
        "cvlabkit/__main__.py": MAIN,
        "cvlabkit/core/engine.py": b"value = 1\n",
        "cvlabkit/component/__init__.py": b"",
        "cvlabkit/component/base/__init__.py": b"",
        "cvlabkit/component/base/part.py": b"value = 2\n",
    }
)
SECONDS = 120.0


def digests_of(components: dict[str, bytes]) -> dict[str, str]:
    return {path: sha256_of(content) for path, content in components.items()}


def make_tree(folder: Path, components: dict[str, bytes], cache: ContentCache | None = None):
    """A run's folder with its tree; the record of it."""
    folder.mkdir(parents=True, exist_ok=True)
    cache = cache or ContentCache(folder.parent / "cache")
    for content in components.values():
        cache.add(sha256_of(content), content)
    build_tree(folder, KIT, digests_of(components), cache)
    record = verify_tree(folder, KIT, digests_of(components))
    (folder / "files.json").write_text(json.dumps(record.files))
    return record


def command(folder: Path, *argv: str, **options) -> Command:
    env = {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
    return Command(argv, **{"cwd": folder, "env": env, "stop_seconds": 1.0, "log_bytes": 1 << 20, **options})


def python(folder: Path, code: str, **options) -> Command:
    return command(folder, sys.executable, "-c", code, **options)


def observed(folder: Path) -> Command:
    """The tree's kit, watched."""
    record = str(folder / "imports.jsonl")
    return command(folder, sys.executable, "-B", str(OBSERVED), str(folder), record, "cvlabkit", "run")


def run(folder: Path, what: Command | None = None):
    """Run to the end: how it ended, and what it printed."""
    process = RunProcess(folder)
    process.start(what or observed(folder))
    return wait(process), log_of(folder)


def wait(process: RunProcess):
    return until(process.poll)


def log_of(folder: Path) -> str:
    return (folder / "log").read_text() if (folder / "log").exists() else ""


def until(look, seconds: float = SECONDS, explain=lambda: ""):
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {explain()}"
        time.sleep(0.05)
    return answer


def states_of(mark: str) -> set[str]:
    """What the processes with this mark do: `T` for those that are held."""
    states = set()
    for pid in processes_with(mark):
        # It may end since it was listed.
        with suppress(OSError):
            states.add(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0])
    return states
