"""What a run is promised, whatever runs it: processes of the agent's own host, or jobs of a Ray cluster."""

import os
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.agent.stage import processes_with
from tests.agent.stage import until as until_within

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

MEGA = 2**20
# A node of a cluster takes seconds to prepare a run where the machine is busy.
SECONDS = 180.0
ENGINES = [
    pytest.param("local", marks=pytest.mark.xdist_group("agent")),
    pytest.param("ray", marks=[pytest.mark.ray, pytest.mark.xdist_group("ray")]),
]
FORKS = """
for session in (False, True):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=session)
print("forked", flush=True)
"""
# It prints half, waits to be let go, and prints the rest.
HALTING = """
for i in range(150):
    while i == 75 and not Path(self.params.value).exists():
        time.sleep(0.05)
    print("line", i, flush=True)
return "whole"
"""
# How a run ends, by its body: the kind, and words of its error.
ENDINGS = {
    "returned": ("print('here')\nreturn {'value': self.params.value}", "", None),
    "exception": ("raise ValueError('no such thing')", "", "no such thing"),
    "sys_exit": ("sys.exit(0)", "", "sys.exit(0)"),
    "no_result": ("os._exit(0)", "", "without a result"),
    "signal": ("os.kill(os.getpid(), 9)", "", "SIGKILL"),
    "time_limit": (f"{FORKS}time.sleep(300)", "    limits: {time_seconds: 4}\n", "4 s"),
    "memory_limit": (
        f"{FORKS}kept = bytearray(300 * 2**20)\ntime.sleep(300)",
        f"    limits: {{memory_bytes: {200 * MEGA}}}\n",
        "200 MiB",
    ),
}


def until(look, seconds=SECONDS):
    return until_within(look, seconds)


@pytest.fixture(scope="module", params=ENGINES)
def host(request, stage):
    settings = {}
    if request.param == "ray":
        settings = {"ray_address": request.getfixturevalue("ray_cluster").dashboard}
    agent = stage.start_agent(max_runs=12, **settings)
    return SimpleNamespace(agent=agent, engine=request.param, settings=settings)


def test_every_way_to_end_is_told_apart_and_leaves_nothing(stage, host):
    jobs = {}
    for kind, (body, config, _) in ENDINGS.items():
        code = stage.publish(body, config=config)
        jobs[kind] = stage.run(code, host.agent, value="x" * 40_000 if kind == "returned" else 1)

    ended = {kind: stage.wait(job, seconds=SECONDS) for kind, job in jobs.items()}

    assert {kind: job["exit_kind"] for kind, job in ended.items()} == {kind: kind for kind in ENDINGS}
    for kind, (_, _, words) in ENDINGS.items():
        assert ended[kind]["status"] == ("failed" if words else "succeeded")
        assert not words or words in ended[kind]["error"]
    assert ended["returned"]["result"] == {"value": "x" * 40_000}
    assert stage.console(jobs["returned"]) == "here\n"
    assert ended["signal"]["exit_code"] == 128 + 9
    for job in jobs.values():
        until(lambda job=job: not processes_with(f"SYNAPSE_JOB_ID={job}"))


def test_a_stop_lets_the_run_roll_back_and_ends_its_children(stage, host, tmp_path):
    mark = tmp_path / "rolled-back"
    body = f"{FORKS}try:\n    time.sleep(300)\nfinally:\n    time.sleep(0.5)\n    Path(self.params.value).touch()"
    job = stage.run(stage.publish(body), host.agent, value=str(mark))
    until(lambda: "forked" in stage.console(job))

    stage.v1.update_job(job, {"status": "stopped"})

    ended = stage.wait(job, seconds=SECONDS)
    assert (ended["status"], ended["exit_kind"]) == ("stopped", "stopped")
    assert mark.exists()
    until(lambda: not processes_with(f"SYNAPSE_JOB_ID={job}"))


def test_lines_come_while_it_runs_and_a_killed_agent_finds_it_again(stage, host, tmp_path):
    agent, gate = stage.start_agent(**host.settings), tmp_path / "gate"
    job = stage.run(stage.publish(HALTING), agent, value=str(gate))
    until(lambda: "line 3" in stage.console(job))
    assert stage.job(job)["status"] == "running"

    agent.kill(signal.SIGKILL)
    assert processes_with(f"SYNAPSE_JOB_ID={job}")
    agent.start()
    until(lambda: "run_found_again" in agent.log())
    gate.touch()

    ended = stage.wait(job, seconds=SECONDS)
    assert (ended["status"], ended["result"]) == ("succeeded", "whole")
    assert stage.console(job) == "".join(f"line {i}\n" for i in range(150))


def test_what_died_while_the_agent_was_dead_is_reported(stage, host):
    agent = stage.start_agent(**host.settings)
    job = stage.run(stage.publish(FORKS + "time.sleep(300)"), agent)
    until(lambda: "forked" in stage.console(job))

    agent.kill(signal.SIGKILL)
    # On a cluster two watch over each other; each ends the run when the other one is gone.
    os.kill(supervisors(job)[-1], signal.SIGKILL)
    agent.start()

    ended = stage.wait(job, seconds=SECONDS)
    assert (ended["status"], ended["exit_kind"]) == ("failed", "lost")
    until(lambda: not processes_with(f"SYNAPSE_JOB_ID={job}"))


def test_too_much_output_is_cut_in_its_middle(stage, host):
    agent = stage.start_agent(run_output_bytes=MEGA, **host.settings)
    body = "print('first words')\nfor _ in range(20_000):\n    print('x' * 999)\nprint('last words')\nreturn 'done'"
    job = stage.run(stage.publish(body), agent)

    assert stage.wait(job, seconds=SECONDS)["result"] == "done"

    console = stage.console(job)
    assert console.startswith("first words\n")
    assert console.rstrip().endswith("last words")
    assert "left out" in console
    assert len(console) < 2 * MEGA


def test_a_key_that_a_run_prints_is_not_kept(stage, host, request):
    body = "print('key:', os.environ['SYNAPSE_PLUGIN_RUN_USER_TOKEN'], flush=True)\nraise ValueError('end')"
    job = stage.run(stage.publish(body), host.agent)
    stage.wait(job, seconds=SECONDS)

    assert "key: ***" in stage.console(job)
    if host.engine == "ray":
        import httpx2

        shown = httpx2.get(f"{request.getfixturevalue('ray_cluster').dashboard}/api/jobs/", timeout=30).text
        assert job in shown
        assert "syn_" not in shown


def test_requirements_that_cannot_be_installed_are_told_from_the_action(stage, host):
    job = stage.run(stage.publish("return 1", requirements="./missing-1.0-py3-none-any.whl\n"), host.agent)

    ended = stage.wait(job, seconds=SECONDS)

    assert (ended["status"], ended["exit_kind"]) == ("failed", "build_failed")
    assert "cannot be installed" in ended["error"]


def supervisors(job):
    """The processes that watch over a run, on either engine."""
    watchers = []
    for pid in processes_with(f"SYNAPSE_JOB_ID={job}"):
        while (pid := parent_of(pid)) > 1 and pid not in watchers:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if b"shim.py" in line or b"driver.py" in line:
                watchers.append(pid)
    return watchers


def parent_of(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_run_that_waits_for_resources_can_be_stopped(stage, host):
    if host.engine == "local":
        pytest.skip("a host without a cluster reserves nothing for runs")
    code = stage.publish("return 1", config="    required_resources: {num_cpus: 64}\n")
    job = stage.run(code, host.agent)
    time.sleep(2)

    stage.v1.update_job(job, {"status": "stopped"})

    assert stage.wait(job, seconds=SECONDS)["status"] == "stopped"
