"""What goes wrong on a host ends in a documented state: nothing hangs, nothing is lost, nothing stays behind."""

import os
import signal

import pytest

from tests.agent.stage import processes_with, until
from tests.processes import cmdline

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent")]
MEGA = 2**20


def finish(stage, agent, body, config="", **params):
    job = stage.run(stage.publish(body, config=config), agent, **params)
    ended = stage.wait(job)
    until(lambda: not processes_with(job))
    return ended


@pytest.mark.parametrize(
    ("body", "kind", "code", "said"),
    [
        ("raise ValueError('bad input')", "exception", 1, "failed: ValueError: bad input"),
        ("bytearray(2**62)", "exception", 1, "failed: MemoryError"),
        ("sys.exit(0)", "sys_exit", 0, "called sys.exit(0) instead of returning a result"),
        ("sys.exit(3)", "sys_exit", 3, "called sys.exit(3)"),
        ("os._exit(0)", "no_result", 0, "ended without a result (exit status 0)"),
        ("os._exit(7)", "no_result", 7, "ended without a result (exit status 7)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "signal", 137, "SIGKILL; the machine may have run out of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal", 139, "SIGSEGV"),
        ("return 'x' * (17 * 2**20)", "no_result", None, "larger than"),
        ("return {'status': 'failed', 'message': 'none of 3 worked'}", "returned", 0, "none of 3 worked"),
    ],
)
def test_ends_are_told_apart(stage, agent, body, kind, code, said):  # noqa: PLR0917 - one column each.
    ended = finish(stage, agent, body)

    assert (ended["status"], ended["exit_kind"], ended["exit_code"]) == ("failed", kind, code), ended
    assert said in ended["error"]


def test_a_run_that_takes_too_long_is_ended(stage, agent):
    ended = finish(stage, agent, "time.sleep(60)", "    limits: {time_seconds: 1.5}\n")

    assert (ended["status"], ended["exit_kind"]) == ("failed", "time_limit")
    assert "1.5 s" in ended["error"]


def test_a_run_that_allocates_faster_than_anyone_looks_is_killed(stage, agent):
    body = "kept = []\nfor _ in range(20):\n    kept.append(b'x' * (100 * 2**20))\ntime.sleep(60)"

    ended = finish(stage, agent, body, f"    limits: {{memory_bytes: {400 * MEGA}}}\n")

    assert (ended["status"], ended["exit_kind"]) == ("failed", "memory_limit"), ended


def test_a_run_and_its_children_that_hold_too_much_memory_are_killed(stage, agent):
    body = """
    children = [subprocess.Popen([sys.executable, "-c", "x = bytearray(120 * 2**20); import time; time.sleep(60)"])
                for _ in range(3)]
    kept = []
    while True:
        kept.append(bytearray(10 * 2**20))
        time.sleep(0.05)
    """
    ended = finish(stage, agent, body, f"    limits: {{memory_bytes: {400 * MEGA}}}\n")

    assert (ended["status"], ended["exit_kind"]) == ("failed", "memory_limit"), ended
    assert "400 MiB" in ended["error"]


FORKS = """
for number in range(3):
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0:
            os.setsid()
        time.sleep(120)
        os._exit(0)
print("forked")
"""
IGNORING = f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FORKS}time.sleep(600)"
# It prints half, waits to be let go, and prints the rest.
HALTING = """
for i in range(40):
    while i == 20 and not Path(self.params.value).exists():
        time.sleep(0.05)
    print("line", i)
return "whole"
"""


@pytest.fixture
def impatient(stage):
    """An agent that soon kills what ignores a stop."""
    return stage.start_agent(stop_seconds=1)


def test_a_run_that_takes_too_long_and_ignores_it_is_killed_with_all_its_children(stage, impatient):
    ended = finish(stage, impatient, IGNORING, "    limits: {time_seconds: 3}\n")

    assert (ended["status"], ended["exit_kind"]) == ("failed", "time_limit")


def test_children_that_fled_their_group_end_with_the_run(stage, agent):
    ended = finish(stage, agent, FORKS + "return 'done'")

    assert (ended["status"], ended["result"]) == ("succeeded", "done")


def test_a_stop_ends_a_run_that_ignores_it_and_all_its_children(stage, impatient):
    job = stage.run(stage.publish(IGNORING), impatient)
    # What keeps it, the run, three children, and a child of each.
    until(lambda: len(processes_with(job)) >= 8)

    stage.v1.update_job(job, {"status": "stopped"})

    ended = stage.wait(job)
    assert (ended["status"], ended["exit_kind"]) == ("stopped", "stopped")
    until(lambda: not processes_with(job))


def test_a_stopped_run_may_clean_up(stage, agent):
    body = "print('up')\ntry:\n    time.sleep(600)\nfinally:\n    print('cleaned')"
    job = stage.run(stage.publish(body), agent)
    until(lambda: "up" in stage.console(job))

    stage.v1.update_job(job, {"status": "stopped"})

    assert stage.wait(job)["status"] == "stopped"
    assert "cleaned" in stage.console(job)


@pytest.mark.parametrize("moment", ["running", "ended"])
def test_a_killed_agent_finds_its_run_again(stage, tmp_path, moment):
    agent, gate = stage.start_agent(), tmp_path / "gate"
    job = stage.run(stage.publish(HALTING), agent, value=str(gate))
    until(lambda: "line 3" in stage.console(job))

    agent.kill(signal.SIGKILL)
    assert processes_with(job)
    if moment == "ended":
        gate.touch()
        until((agent.home / "runs" / job / "exit.json").exists)
    agent.start()
    if moment == "running":
        until(lambda: "run_found_again" in agent.log())
        gate.touch()

    ended = stage.wait(job)
    assert (ended["status"], ended["result"]) == ("succeeded", "whole")
    assert stage.console(job) == "".join(f"line {i}\n" for i in range(40))


def test_what_died_while_the_agent_was_dead_is_reported(stage):
    agent = stage.start_agent()
    job = stage.run(stage.publish(FORKS + "time.sleep(600)"), agent)
    until(lambda: "forked" in stage.console(job))

    agent.kill(signal.SIGKILL)
    shims = [pid for pid in processes_with(str(agent.home / "runs" / job)) if b"shim.py" in cmdline(pid)]
    for pid in shims:
        os.kill(pid, signal.SIGKILL)
    agent.start()

    ended = stage.wait(job)
    assert (len(shims), ended["status"], ended["exit_kind"]) == (1, "failed", "lost")
    until(lambda: not processes_with(job))


def test_a_stopped_agent_leaves_its_runs_and_one_told_so_ends_them(stage):
    for settings, is_left in (({}, True), ({"stop_runs_at_exit": True}, False)):
        agent = stage.start_agent(**settings)
        job = stage.run(stage.publish("print('up')\ntime.sleep(600)"), agent)
        until(lambda job=job: "up" in stage.console(job))

        agent.kill(signal.SIGTERM)

        assert bool(processes_with(f"SYNAPSE_JOB_ID={job}")) == is_left
        agent.start()
        stage.v1.update_job(job, {"status": "stopped"})
        assert stage.wait(job)["status"] == "stopped"


def test_a_server_that_is_away_in_the_middle_of_a_run_loses_nothing(stage, agent, tmp_path):
    gate = tmp_path / "gate"
    body = """
    for i in range(60):
        while i == 30 and not Path(self.params.value).exists():
            time.sleep(0.05)
        print("line", i)
        self.log_message(f"message {i}")
    return "whole"
    """
    job = stage.run(stage.publish(body), agent, value=str(gate))
    until(lambda: "line 5" in stage.console(job))

    stage.kill_server()
    gate.touch()
    # Down for longer than the run lasts.
    until((agent.home / "runs" / job / "exit.json").exists)
    stage.revive_server()

    ended = stage.wait(job)
    assert (ended["status"], ended["result"]) == ("succeeded", "whole")
    lines = [line for line in stage.console(job).splitlines() if line.startswith("line")]
    assert lines == [f"line {i}" for i in range(60)]
    entries, count = stage.v1.list_logs({"job": job}, list_all=True)
    assert (
        sorted(int(entry["data"]["content"].split()[1]) for entry in entries) == list(range(count)) == list(range(60))
    )


def test_two_agents_run_one_release_each_their_own_jobs_once(stage, agent):
    other = stage.start_agent()
    marks = stage.folder / "marks"
    marks.mkdir(exist_ok=True)
    code = stage.publish("Path(self.params.value, self.ctx.job_id).open('x').close()\nreturn str(Path.cwd())")
    jobs = [stage.run(code, host, value=str(marks)) for host in (agent, other) * 3]

    ended = [stage.wait(job) for job in jobs]

    assert [job["status"] for job in ended] == ["succeeded"] * 6
    assert {path.name for path in marks.iterdir()} == set(jobs)
    for job, host in zip(ended, (agent, other) * 3, strict=True):
        assert job["result"].startswith(str(host.home))
