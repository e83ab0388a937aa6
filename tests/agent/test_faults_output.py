"""A plugin that prints a gigabyte: log, disk and the memory of the agent and of what watches the run stay bounded."""

import threading
from pathlib import Path

import httpx2
import pytest

from tests.agent.family import family
from tests.agent.stage import until
from tests.folders import size_below

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent"), pytest.mark.timeout(600)]
MEGA = 2**20
GIGA = 2**30
LINES = f"""
print("first words")
block = ("x" * 127 + "\\n") * 8192
for _ in range({GIGA // MEGA}):
    sys.stdout.write(block)
print("last words")
"""
# No end of a line at all, in characters of several bytes that are cut wherever a pipe is full.
ONE_LINE = f"""
print("first words")
block = "한" * {MEGA}
for _ in range(40):
    sys.stdout.write(block)
print("\\nlast words")
"""
NOISE = f"""
print("first words")
for _ in range(32):
    os.write(2, os.urandom({MEGA}))
print("\\nlast words")
"""
# It ends when it has been looked at.
HELD = """
sys.stdout.flush()
Path(self.params.value, "printed").touch()
while not Path(self.params.value, "seen").exists():
    time.sleep(0.05)
return "done"
"""


class Watched:
    """The most memory that the agent and the process beside a run have held since now."""

    def __init__(self, agent):
        self.agent = agent
        Path(f"/proc/{agent.process.pid}/clear_refs").write_text("5")
        self.before = self.of_agent()

    def of_agent(self):
        return peak(self.agent.process.pid)

    def of_shim(self, job):
        return max((peak(pid) for (pid, _), what in family().items() if job in what and "shim.py" in what), default=0)


def peak(pid):
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(text.partition("VmHWM:")[2].split()[0]) * 1024 if "VmHWM:" in text else 0


def follow(agent, job, seen):
    headers = {"Authorization": agent.api_token}
    with httpx2.stream("GET", f"{agent.url}/jobs/{job}/logs/stream/", headers=headers, timeout=60) as answer:
        for chunk in answer.iter_bytes():
            seen.append(len(chunk))


@pytest.mark.parametrize("body", [LINES, ONE_LINE, NOISE], ids=["a gigabyte", "one line", "noise"])
def test_output_without_end_is_bounded_everywhere(stage, agent, body, tmp_path):
    code, watched, seen = stage.publish(body + HELD), Watched(agent), []
    job = stage.run(code, agent, value=str(tmp_path))
    until((agent.home / "runs" / job / "console").exists)
    watcher = threading.Thread(target=follow, args=(agent, job, seen))
    watcher.start()

    until((tmp_path / "printed").exists, 180.0)
    shim = watched.of_shim(job)
    (tmp_path / "seen").touch()
    stage.wait(job)

    watcher.join(60)
    assert not watcher.is_alive()
    console = stage.console(job)
    assert stage.job(job)["result"] == "done"
    assert console.rstrip().endswith("last words")
    assert len(console) <= 2_000_000
    kept = until(lambda: (agent.home / "ended" / job).exists() and size_below(agent.home / "ended" / job))
    assert kept < 20 * MEGA
    assert sum(seen) > MEGA
    assert 0 < shim < 64 * MEGA
    assert watched.of_agent() - watched.before < 64 * MEGA
