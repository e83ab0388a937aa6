"""SIGKILL of an agent at any moment of what it does: every job ends once, with its true end."""

import json
import os
import random
import signal
import time

import pytest

from tests.agent.stage import processes_with, until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("agent"), pytest.mark.timeout(600)]
# `SYNAPSE_KILLS=200`, or `make nightly`, for more. A seed that fails fails again.
KILLS = int(os.environ.get("SYNAPSE_KILLS", "10"))
KILLS_PER_ROUND = 5
MARKED = """
# Once: a second process of this job would find the file there.
Path(self.params.value, self.ctx.job_id).open("x").close()
for i in range(20):
    print("line", i)
    self.log_message(f"message {i}")
    time.sleep(0.05)
# Its keys work to the end, for the server and for the agent.
return [self.ctx.client.get_job(self.ctx.job_id)["status"], self.ctx.agent_client.check_feasibility()["allowed"]]
"""


@pytest.mark.parametrize("seed", range(-(-KILLS // KILLS_PER_ROUND)))
def test_jobs_survive_an_agent_that_is_killed_again_and_again(stage, own_agent, tmp_path, seed):
    chance, code = random.Random(seed), stage.publish(MARKED)
    jobs = []
    for _ in range(KILLS_PER_ROUND):
        jobs += [stage.run(code, own_agent, value=str(tmp_path)) for _ in range(2)]
        # While it claims, fetches, unpacks, starts, follows, delivers.
        time.sleep(chance.uniform(0.0, 2.0))
        own_agent.kill(signal.SIGKILL)
        own_agent.start(own_agent.port)

    ended = [stage.wait(job) for job in jobs]

    assert [(job["status"], job["result"]) for job in ended] == [("succeeded", ["running", True])] * len(jobs), (
        [(job["id"], job["status"], job["error"]) for job in ended],
        own_agent.log()[-4000:],
    )
    assert {path.name for path in tmp_path.iterdir()} == set(jobs)
    for job in jobs:
        assert stage.console(job) == "".join(f"line {i}\n" for i in range(20))
        entries, _ = stage.v1.list_logs({"job": job}, list_all=True)
        assert sorted(entry["data"]["content"] for entry in entries) == sorted(f"message {i}" for i in range(20))
    until(lambda: not list((own_agent.home / "runs").iterdir()))


def test_a_run_that_had_just_begun_keeps_its_keys(stage, own_agent, tmp_path):
    job = stage.run(stage.publish(MARKED), own_agent, value=str(tmp_path))
    until((tmp_path / job).exists)
    own_agent.kill(signal.SIGKILL)
    # What a disk says when the agent is killed between the start of the processes and its note of it.
    record = own_agent.home / "runs" / job / "run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"phase": "taken", "started": ""}))

    own_agent.start(own_agent.port)

    ended = stage.wait(job)
    assert (ended["status"], ended["result"]) == ("succeeded", ["running", True]), ended
    assert stage.console(job) == "".join(f"line {i}\n" for i in range(20))


@pytest.mark.parametrize(("number", "kind", "code"), [(signal.SIGKILL, "signal", 137), (signal.SIGSEGV, "signal", 139)])
def test_how_a_run_died_while_the_agent_was_dead_is_reported(stage, own_agent, number, kind, code):
    job = stage.run(stage.publish("print('up')\ntime.sleep(600)"), own_agent)
    until(lambda: "up" in stage.console(job))
    own_agent.kill(signal.SIGKILL)
    (action,) = processes_with(f"SYNAPSE_JOB_ID={job}")
    os.kill(action, number)
    until((own_agent.home / "runs" / job / "exit.json").exists)

    own_agent.start()

    ended = stage.wait(job)
    assert (ended["status"], ended["exit_kind"], ended["exit_code"]) == ("failed", kind, code)


def test_a_stop_that_was_asked_while_the_agent_was_dead_is_carried_out(stage, own_agent):
    job = stage.run(stage.publish("print('up')\ntime.sleep(600)"), own_agent)
    until(lambda: "up" in stage.console(job))
    own_agent.kill(signal.SIGKILL)
    stage.v1.update_job(job, {"status": "stopped"})

    own_agent.start()

    assert stage.wait(job)["exit_kind"] == "stopped"


def test_to_stop_a_run_that_is_over_changes_nothing(stage, agent):
    from synapse_sdk.clients.agent import AgentClient

    job = stage.run(stage.publish("return 1"), agent)
    stage.wait(job)
    with AgentClient(agent.url, agent.api_token) as client:
        until(lambda: client.get_job(job)["phase"] == "ended")
        assert client.stop_job(job)["status"] == "succeeded"
    assert stage.job(job)["status"] == "succeeded"
